/**
 * How much of what trials came to is due to each parameter: functional analysis of variance of a regression forest (Hutter, Hoos and
 * Leyton-Brown 2014). A tree is constant on regions, so its mean over all other coordinates is a step function of one, exactly computed; the
 * variance of that function is the parameter's share. A parameter that a trial did not have counts as in the middle of its range, or as an option
 * of its own.
 */
import { random } from "../../base/index.ts";
import { indexOf, isChoice, placeOf, type Space } from "../search/space.ts";
import type { Trial } from "../search/trial.ts";
import { type Cut, type ForestOptions, forest, type Kinds, type TreeNode } from "./forest.ts";

/** What a leaf covers of one coordinate: places between two ends, or options. */
type Part = { readonly low: number; readonly high: number } | { readonly options: ReadonlySet<number> };
interface Leaf {
  readonly parts: readonly Part[];
  readonly mean: number;
}

function leavesOf(tree: TreeNode, kinds: Kinds): Leaf[] {
  const walk = (node: TreeNode, parts: readonly Part[]): Leaf[] =>
    "mean" in node
      ? [{ parts, mean: node.mean }]
      : [...walk(node.left, cutPart(parts, node.cut, true)), ...walk(node.right, cutPart(parts, node.cut, false))];
  return walk(
    tree,
    kinds.map(options => (options > 0 ? { options: new Set(Array.from({ length: options }, (_, i) => i)) } : { low: 0, high: 1 })),
  );
}

function cutPart(parts: readonly Part[], cut: Cut, isLeft: boolean): Part[] {
  const part = parts[cut.coordinate]!;
  if ("options" in part && "option" in cut)
    return parts.with(cut.coordinate, { options: new Set(isLeft ? [cut.option] : [...part.options].filter(o => o !== cut.option)) });
  if ("low" in part && "at" in cut)
    return parts.with(cut.coordinate, isLeft ? { low: part.low, high: cut.at } : { low: cut.at, high: part.high });
  throw new TypeError("a cut of another kind than its coordinate");
}

/** Share of a coordinate that a part covers. */
const share = (part: Part, options: number): number => ("options" in part ? part.options.size / options : part.high - part.low);

/** Variance of a tree over the space, and of its mean over all coordinates but one, for each. */
export function treeVariances(tree: TreeNode, kinds: Kinds): { readonly total: number; readonly single: Float64Array } {
  const leaves = leavesOf(tree, kinds).map(leaf => {
    const shares = leaf.parts.map((part, d) => share(part, kinds[d]!));
    return { ...leaf, shares, volume: shares.reduce((a, b) => a * b, 1) };
  });
  const mean = leaves.reduce((s, l) => s + l.volume * l.mean, 0);
  const total = leaves.reduce((s, l) => s + l.volume * (l.mean - mean) ** 2, 0);
  const single = Float64Array.from(kinds, (options, d) => {
    const ends =
      options > 0
        ? Array.from({ length: options + 1 }, (_, i) => i)
        : [...new Set(leaves.flatMap(({ parts }) => Object.values(parts[d]!) as number[]))].sort((a, b) => a - b);
    let variance = 0;
    for (let i = 0; i + 1 < ends.length; i++) {
      const [from, to] = [ends[i]!, ends[i + 1]!];
      const covers = (part: Part) => ("options" in part ? part.options.has(i) : part.low <= from && part.high >= to);
      // a leaf's weight among all others' coordinates
      const here = leaves.reduce((s, l) => (covers(l.parts[d]!) ? s + (l.volume / l.shares[d]!) * l.mean : s), 0);
      variance += (options > 0 ? 1 / options : to - from) * (here - mean) ** 2;
    }
    return variance;
  });
  return { total, single };
}

/**
 * Shares of the variance by parameter, the largest first, together 1: what parameters do alone; what they do only together is left out, as
 * Optuna does. Empty below four trials, or where all came to the same. `value` is what is explained.
 */
export function importance(
  space: Space,
  trials: readonly Trial[],
  value: (t: Trial) => number,
  { seed = 1, ...options }: ForestOptions & { readonly seed?: number | string } = {},
): { readonly parameter: string; readonly share: number }[] {
  const done = trials.filter(t => t.state === "done" && Number.isFinite(value(t)));
  const parameters = Object.entries(space);
  const y = Float64Array.from(done, value);
  if (done.length < 4 || y.every(v => v === y[0])) return [];
  const isMissing = parameters.map(([name]) => done.some(t => !(name in t.point)));
  const kinds = parameters.map(([, p], d) => (isChoice(p) ? p.options.length + Number(isMissing[d]) : 0));
  const x = done.map(({ point }) =>
    Float64Array.from(parameters, ([name, p]) => {
      if (isChoice(p)) return name in point ? indexOf(p, point[name]!) : p.options.length;
      return name in point ? placeOf(p, point[name]!) : 0.5;
    }),
  );
  const sums = new Float64Array(parameters.length);
  for (const tree of forest({ kinds, x, y }, random(`${seed}/importance`), options)) {
    const { total, single } = treeVariances(tree, kinds);
    if (total > 0) for (let d = 0; d < sums.length; d++) sums[d]! += single[d]! / total;
  }
  const all = sums.reduce((a, b) => a + b, 0);
  return parameters
    .map(([parameter], d) => ({ parameter, share: all > 0 ? sums[d]! / all : 0 }))
    .sort((a, b) => b.share - a.share || (a.parameter < b.parameter ? -1 : 1));
}
