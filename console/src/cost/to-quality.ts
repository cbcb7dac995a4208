/**
 * What a quality costs: runs are points (cost, quality) of groups, and a group's cost to a target lies between its points, on lines of the logarithm of the
 * cost. Groups are compared by the ratio of their costs to the baseline's quality, seed by seed. Pure.
 */
import { resampledMean } from "../../../src/statistics/resampled.ts";

export interface CostPoint {
  readonly id: string;
  /** What the run made, whose ledger can be read; null of a run that made none. */
  readonly artifact: string | null;
  readonly name: string;
  readonly group: string;
  /** Runs of one seed are a pair; empty where runs have none. */
  readonly seed: string;
  readonly cost: number;
  readonly quality: number;
}
export const directions = ["lower", "higher"] as const;
export type Better = (typeof directions)[number];

/** `above`: no point reaches the target, the true cost is more; `below`: every point does, the true cost is at most this. */
interface ReachedCost {
  readonly kind: "within" | "above" | "below";
  readonly cost: number;
}

const isAsGood = (quality: number, target: number, better: Better) => (better === "lower" ? quality <= target : quality >= target);

/** Cost at which points first reach `target`; there is a point or more. */
export function costToQuality(points: readonly CostPoint[], target: number, better: Better): ReachedCost {
  const curve = points.toSorted((a, b) => a.cost - b.cost);
  const at = curve.findIndex(p => isAsGood(p.quality, target, better));
  if (at < 0) return { kind: "above", cost: curve.at(-1)!.cost };
  const after = curve[at]!;
  if (after.quality === target) return { kind: "within", cost: after.cost };
  const before = curve[at - 1];
  if (!before) return { kind: "below", cost: after.cost };
  const share = (before.quality - target) / (before.quality - after.quality);
  return { kind: "within", cost: before.cost * (after.cost / before.cost) ** share };
}

export interface GroupCost {
  readonly group: string;
  readonly runs: number;
  /** Pairs with the baseline in which the target was reached. */
  readonly seeds: number;
  /** Pairs in which it was not. */
  readonly missed: number;
  /** Geometric means over the pairs; null where there is none. */
  readonly cost: number | null;
  readonly ratio: number | null;
  /** 95 % interval of the ratio (Student's t on logarithms); null of fewer than two pairs, or equal ones. */
  readonly interval: readonly [number, number] | null;
  /** In some pairs even the cheapest run was better than the target. */
  readonly isAtMost: boolean;
}

function groupBy(points: readonly CostPoint[], key: "group" | "seed"): Map<string, CostPoint[]> {
  const groups = new Map<string, CostPoint[]>();
  for (const p of points) {
    const list = groups.get(p[key]);
    if (list) list.push(p);
    else groups.set(p[key], [p]);
  }
  return groups;
}
const best = (points: readonly CostPoint[], better: Better) =>
  points.reduce((a, b) => (isAsGood(a.quality, b.quality, better) ? a : b)).quality;

/** Of every group the cost to the baseline's best quality of the same seed, over the baseline's cost. The baseline comes first, then the cheapest. */
export function groupCosts(points: readonly CostPoint[], baseline: string, better: Better): GroupCost[] {
  const groups = groupBy(points, "group");
  const theirs = groupBy(groups.get(baseline) ?? [], "seed");
  const rows = [...groups].map(([group, own]): GroupCost => {
    const pairs = [...groupBy(own, "seed")].flatMap(([seed, runs]) => {
      const beside = theirs.get(seed);
      if (!beside) return [];
      const target = best(beside, better);
      const reached = costToQuality(runs, target, better);
      return [{ ...reached, ratio: reached.cost / costToQuality(beside, target, better).cost }];
    });
    const told = pairs.filter(p => p.kind !== "above");
    const common = { group, runs: own.length, seeds: told.length, missed: pairs.length - told.length };
    if (told.length === 0) return { ...common, cost: null, ratio: null, interval: null, isAtMost: false };
    const ratios = resampledMean(
      told.map(p => Math.log(p.ratio)),
      { testSize: 0, trainSize: 1 },
    );
    return {
      ...common,
      cost: Math.exp(told.reduce((n, p) => n + Math.log(p.cost), 0) / told.length),
      ratio: Math.exp(ratios.mean),
      interval: Number.isFinite(ratios.low) ? [Math.exp(ratios.low), Math.exp(ratios.high)] : null,
      isAtMost: told.some(p => p.kind === "below"),
    };
  });
  const place = (r: GroupCost) => (r.group === baseline ? Number.NEGATIVE_INFINITY : (r.ratio ?? Number.POSITIVE_INFINITY));
  return rows.sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
}
