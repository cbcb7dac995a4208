/**
 * Regression forests over the places of a space: trees that cut the range of one coordinate, or set one option apart from the others, where the
 * squared error falls most (CART, Breiman et al. 1984), each on a bootstrap sample (Breiman 2001), all coordinates looked at. Small: for
 * hundreds of trials, not for data sets.
 */
import type { Random } from "../../base/index.ts";

/** What goes to the left: places up to `at`, or the one option. */
export type Cut = { readonly coordinate: number; readonly at: number } | { readonly coordinate: number; readonly option: number };
export type TreeNode = { readonly mean: number } | { readonly cut: Cut; readonly left: TreeNode; readonly right: TreeNode };

/** A coordinate's number of options; 0 for places in [0, 1]. Rows hold a place, or an option's number. */
export type Kinds = readonly number[];

export interface ForestOptions {
  readonly trees?: number;
  /** Rows below which a node is a leaf. */
  readonly least?: number;
  readonly depth?: number;
}

interface Rows {
  readonly kinds: Kinds;
  readonly x: readonly Float64Array[];
  readonly y: Float64Array;
}

export const isLeft = (cut: Cut, row: Float64Array): boolean =>
  "at" in cut ? row[cut.coordinate]! <= cut.at : row[cut.coordinate] === cut.option;

/** The cut that leaves the least squared error; none where no cut leaves less. */
function cutOf({ kinds, x, y }: Rows, rows: Int32Array): Cut | undefined {
  const n = rows.length;
  const total = rows.reduce((s, r) => s + y[r]!, 0);
  const score = (sum: number, count: number) => (sum * sum) / count + (total - sum) ** 2 / (n - count);
  let most = (total * total) / n + 1e-12;
  let found: Cut | undefined;
  const look = (sum: number, count: number, cut: Cut) => {
    const s = score(sum, count);
    if (s > most) [most, found] = [s, cut];
  };
  for (const [coordinate, options] of kinds.entries()) {
    if (options > 0) {
      const [sums, counts] = [new Float64Array(options), new Float64Array(options)];
      for (const r of rows) {
        const option = x[r]![coordinate]!;
        sums[option]! += y[r]!;
        counts[option]!++;
      }
      for (let option = 0; option < options; option++)
        if (counts[option]! > 0 && counts[option]! < n) look(sums[option]!, counts[option]!, { coordinate, option });
      continue;
    }
    const order = rows.toSorted((a, b) => x[a]![coordinate]! - x[b]![coordinate]!);
    let sum = 0;
    for (let i = 0; i < n - 1; i++) {
      sum += y[order[i]!]!;
      const [here, next] = [x[order[i]!]![coordinate]!, x[order[i + 1]!]![coordinate]!];
      if (here < next) look(sum, i + 1, { coordinate, at: (here + next) / 2 });
    }
  }
  return found;
}

function grow(given: Rows, rows: Int32Array, least: number, depth: number): TreeNode {
  const cut = rows.length >= least && depth > 0 ? cutOf(given, rows) : undefined;
  if (!cut) return { mean: rows.reduce((s, r) => s + given.y[r]!, 0) / rows.length };
  const part = (side: boolean) =>
    grow(
      given,
      rows.filter(r => isLeft(cut, given.x[r]!) === side),
      least,
      depth - 1,
    );
  return { cut, left: part(true), right: part(false) };
}

/** Trees that tell y from x. */
export const forest = (given: Rows, draw: Random, { trees = 64, least = 2, depth = 64 }: ForestOptions = {}): TreeNode[] =>
  Array.from({ length: trees }, () =>
    grow(
      given,
      Int32Array.from(given.y, () => draw.below(given.y.length)),
      least,
      depth,
    ),
  );
