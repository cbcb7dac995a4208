/**
 * A threshold for each group (post-processing, after Hardt, Price and Srebro 2016), chosen on items that train and test nothing: the cheapest thresholds (by
 * default the most accurate ones) whose gap is within a bound. They are deterministic; no decision is drawn, so equal odds in both rates may be out of reach, and then the least gap is taken.
 * Deciding by group is an explicit choice: it needs the attribute at the time of the decision, and may be unlawful where it is protected.
 */
import { checkArgument } from "../errors.ts";

export interface ScoredGroups {
  /** Probability of the outcome, and whether it came, by item. */
  readonly probability: ArrayLike<number>;
  readonly positive: ArrayLike<number | boolean>;
  readonly groups: readonly string[];
  readonly groupOf: ArrayLike<number>;
}

/** Gaps that thresholds of groups can bound. */
export const thresholdGoals = ["equalisedOdds", "equalOpportunity", "demographicParity"] as const;
export type ThresholdGoal = (typeof thresholdGoals)[number];

export interface GroupThresholdOptions {
  /** `equalisedOdds`: gap of true and false positive rates; `equalOpportunity`: of true positive rates; `demographicParity`: of selection rates. */
  readonly goal: ThresholdGoal;
  /** Largest gap (default 0.02). */
  readonly bound?: number;
  /** What mistakes cost: within the bound the cheapest thresholds are chosen. Default: 1 and 1, the most accurate ones. */
  readonly costs?: { readonly falsePositive: number; readonly falseNegative: number };
}

export interface GroupThresholds {
  /** By group: an item is selected from this probability on; 2 selects none. */
  readonly thresholds: readonly number[];
  readonly accuracy: number;
  readonly gap: number;
  readonly isWithinBound: boolean;
}

/** A threshold of one group and what comes of it. */
interface Cut {
  readonly threshold: number;
  readonly right: number;
  readonly cost: number;
  readonly selected: number;
  readonly truePositive: number;
  readonly falsePositive: number;
}

/** Candidates a group: quantiles of its probabilities, so that work does not grow with the items. */
const mostCuts = 200;
const selectsNone = 2;

type Costs = NonNullable<GroupThresholdOptions["costs"]>;

function cutsOf(items: readonly (readonly [probability: number, isPositive: boolean])[], costs: Costs): Cut[] {
  const sorted = [...items].sort((a, b) => b[0] - a[0]);
  const positives = sorted.reduce((n, [, p]) => n + Number(p), 0);
  const negatives = sorted.length - positives;
  const cuts: Cut[] = [];
  let [hits, alarms] = [0, 0];
  const add = (threshold: number) =>
    cuts.push({
      threshold,
      right: hits + negatives - alarms,
      cost: costs.falsePositive * alarms + costs.falseNegative * (positives - hits),
      selected: (hits + alarms) / sorted.length,
      truePositive: hits / positives,
      falsePositive: alarms / negatives,
    });
  add(selectsNone);
  for (const [i, [probability, isPositive]] of sorted.entries()) {
    if (isPositive) hits++;
    else alarms++;
    // equal probabilities are never parted
    if (sorted[i + 1]?.[0] !== probability) add(probability);
  }
  const step = Math.max(1, cuts.length / mostCuts);
  return cuts.filter((_, k) => k === cuts.length - 1 || Math.floor(k / step) !== Math.floor((k - 1) / step));
}

/** What the groups' rates are compared by. */
const ratesOf: { readonly [G in ThresholdGoal]: (c: Cut) => readonly number[] } = {
  equalisedOdds: c => [c.truePositive, c.falsePositive],
  equalOpportunity: c => [c.truePositive],
  demographicParity: c => [c.selected],
};

const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);

/** Errors: statistics/argument, also for a group without items of both outcomes, whose rates do not exist. */
export function groupThresholds({ probability, positive, groups, groupOf }: ScoredGroups, o: GroupThresholdOptions): GroupThresholds {
  const { goal, bound = 0.02, costs = { falsePositive: 1, falseNegative: 1 } } = o;
  const n = probability.length;
  checkArgument(positive.length === n && groupOf.length === n, "positive", `${n} items`, `${positive.length}, ${groupOf.length}`);
  const cuts = groups.map((group, g) => {
    const own = Array.from({ length: n }, (_, i) => i).filter(i => groupOf[i] === g);
    const hits = own.filter(i => positive[i]).length;
    checkArgument(
      hits > 0 && hits < own.length,
      `group "${group}"`,
      "items with and without the outcome",
      `${hits} with it of ${own.length}`,
    );
    return cutsOf(
      own.map(i => [probability[i]!, Boolean(positive[i])] as const),
      costs,
    );
  });
  checkArgument(groups.length >= 2, "groups", "two groups or more", groups.length);
  const rates = ratesOf[goal];
  const gapOf = (chosen: readonly Cut[]): number => {
    const all = chosen.map(rates);
    return Math.max(...all[0]!.map((_, k) => spread(all.map(r => r[k]!))));
  };
  // each group's cut is the nearest to a target that all groups share; within the bound the cheapest, else the least gap
  const distance = (c: Cut, to: Cut): number => {
    const want = rates(to);
    return Math.max(...rates(c).map((r, k) => Math.abs(r - want[k]!)));
  };
  /** Of equally near cuts the cheapest: many have one true positive rate. */
  const nearer = (to: Cut) => (near: Cut, c: Cut) => {
    const change = distance(c, to) - distance(near, to);
    return change < 0 || (change === 0 && c.cost < near.cost) ? c : near;
  };
  let best: { readonly chosen: readonly Cut[]; readonly gap: number; readonly cost: number } | undefined;
  for (const target of cuts.flat()) {
    const chosen = cuts.map(own => own.reduce(nearer(target)));
    const found = { chosen, gap: gapOf(chosen), cost: chosen.reduce((s, c) => s + c.cost, 0) };
    const isWithin = found.gap <= bound;
    const isBetter = !best || (isWithin ? best.gap > bound || found.cost < best.cost : best.gap > bound && found.gap < best.gap);
    if (isBetter) best = found;
  }
  const { chosen, gap } = best!;
  const right = chosen.reduce((s, c) => s + c.right, 0);
  return { thresholds: chosen.map(c => c.threshold), accuracy: right / n, gap, isWithinBound: gap <= bound };
}
