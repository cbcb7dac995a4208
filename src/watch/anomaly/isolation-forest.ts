/**
 * Isolation forest (Liu, Ting and Zhou 2008): vectors that few random splits set apart from others are anomalies. The model is plain data.
 */
import { type Random, random } from "../../base/index.ts";
import { checkSetting, checkValue } from "../errors.ts";

export interface IsolationOptions {
  /** Trees (default 100). */
  readonly trees?: number;
  /** Vectors that each tree is grown from (default 256). */
  readonly sample?: number;
  readonly seed?: number | string;
}

/** A split, or how many vectors ended there. */
type IsolationNode =
  | { readonly column: number; readonly at: number; readonly below: number; readonly above: number }
  | { readonly size: number };

export interface IsolationForest {
  readonly columns: number;
  /** Vectors a tree was grown from. */
  readonly sample: number;
  /** Nodes of each tree, its root first. */
  readonly trees: readonly (readonly IsolationNode[])[];
}

/** Mean depth at which a search in a random tree of n values ends: that of a vector like all others. */
function meanDepth(n: number): number {
  if (n <= 1) return 0;
  if (n === 2) return 1;
  const harmonic = Math.log(n - 1) + 0.5772156649015329 + 1 / (2 * (n - 1)) - 1 / (12 * (n - 1) ** 2);
  return 2 * harmonic - (2 * (n - 1)) / n;
}

const checkVector = (row: ArrayLike<number>, columns: number, place: string): void => {
  checkValue(row.length === columns, place, `${columns} numbers`, row.length);
  for (let k = 0; k < columns; k++) checkValue(Number.isFinite(row[k]!), `${place}[${k}]`, "a finite number", row[k]);
};

function growTree(rows: readonly ArrayLike<number>[], columns: number, deepest: number, draw: Random): IsolationNode[] {
  const nodes: IsolationNode[] = [];
  const grow = (within: readonly ArrayLike<number>[], depth: number): number => {
    const place = nodes.push({ size: within.length }) - 1;
    if (depth >= deepest || within.length <= 1) return place;
    const ranges = Array.from({ length: columns }, (_, k) => {
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (const row of within) {
        low = Math.min(low, row[k]!);
        high = Math.max(high, row[k]!);
      }
      return { k, low, high };
    }).filter(({ low, high }) => high > low);
    if (ranges.length === 0) return place;
    const { k, low, high } = ranges[draw.below(ranges.length)]!;
    const at = low + draw.uniform() * (high - low);
    const below = within.filter(row => row[k]! <= at);
    const above = within.filter(row => row[k]! > at);
    // the numbers are so near that the split between them was rounded to one
    if (below.length === 0 || above.length === 0) return place;
    nodes[place] = { column: k, at, below: grow(below, depth + 1), above: grow(above, depth + 1) };
    return place;
  };
  grow(rows, 0);
  return nodes;
}

/** A forest grown from vectors [rows][columns]. Same seed, same forest. Errors: watch/setting, watch/value. */
export function growIsolationForest(
  rows: readonly ArrayLike<number>[],
  { trees = 100, sample = 256, seed = 1 }: IsolationOptions = {},
): IsolationForest {
  checkSetting(Number.isInteger(trees) && trees >= 1, "trees", "a whole number from 1", trees);
  checkSetting(Number.isInteger(sample) && sample >= 2, "sample", "a whole number from 2", sample);
  checkSetting(rows.length >= 8, "rows", "eight vectors or more", rows.length);
  const columns = rows[0]!.length;
  checkSetting(columns >= 1, "rows[0]", "one number or more", columns);
  for (const [i, row] of rows.entries()) checkVector(row, columns, `rows[${i}]`);
  const draw = random(seed);
  const size = Math.min(sample, rows.length);
  const deepest = Math.ceil(Math.log2(size));
  return {
    columns,
    sample: size,
    trees: Array.from({ length: trees }, () => {
      const order = draw.permutation(rows.length);
      return growTree(
        Array.from({ length: size }, (_, i) => rows[order[i]!]!),
        columns,
        deepest,
        draw,
      );
    }),
  };
}

/** How much of an anomaly a vector is, 0 to 1: about 0.5 for one like all others, towards 1 for one that a few splits set apart. Errors: watch/value. */
export function isolationScore({ columns, sample, trees }: IsolationForest, vector: ArrayLike<number>): number {
  checkVector(vector, columns, "vector");
  let depth = 0;
  for (const nodes of trees) {
    let [node, steps] = [nodes[0]!, 0];
    while ("column" in node) {
      node = nodes[vector[node.column]! <= node.at ? node.below : node.above]!;
      steps++;
    }
    depth += steps + meanDepth(node.size);
  }
  return 2 ** (-depth / trees.length / meanDepth(sample));
}
