/**
 * A threshold for each group (post-processing, after Hardt, Price and Srebro 2016), chosen on items that train and test nothing: the most accurate thresholds
 * whose gap is within a bound. They are deterministic; no decision is drawn, so equal odds in both rates may be out of reach, and then the least gap is taken.
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

export interface GroupThresholdOptions {
  /** `equalisedOdds`: gap of true and false positive rates; `demographicParity`: gap of selection rates. */
  readonly goal: "equalisedOdds" | "demographicParity";
  /** Largest gap (default 0.02). */
  readonly bound?: number;
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
  readonly selected: number;
  readonly truePositive: number;
  readonly falsePositive: number;
}

/** Candidates a group: quantiles of its probabilities, so that work does not grow with the items. */
const mostCuts = 200;
const selectsNone = 2;

function cutsOf(items: readonly (readonly [probability: number, isPositive: boolean])[]): Cut[] {
  const sorted = [...items].sort((a, b) => b[0] - a[0]);
  const positives = sorted.reduce((n, [, p]) => n + Number(p), 0);
  const negatives = sorted.length - positives;
  const cuts: Cut[] = [];
  let [hits, alarms] = [0, 0];
  const add = (threshold: number) =>
    cuts.push({
      threshold,
      right: hits + negatives - alarms,
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

const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);

/** Errors: statistics/argument, also for a group without items of both outcomes, whose rates do not exist. */
export function groupThresholds({ probability, positive, groups, groupOf }: ScoredGroups, o: GroupThresholdOptions): GroupThresholds {
  const { goal, bound = 0.02 } = o;
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
    return cutsOf(own.map(i => [probability[i]!, Boolean(positive[i])] as const));
  });
  checkArgument(groups.length >= 2, "groups", "two groups or more", groups.length);
  const gapOf = (chosen: readonly Cut[]): number =>
    goal === "demographicParity"
      ? spread(chosen.map(c => c.selected))
      : Math.max(spread(chosen.map(c => c.truePositive)), spread(chosen.map(c => c.falsePositive)));
  const rightOf = (chosen: readonly Cut[]): number => chosen.reduce((s, c) => s + c.right, 0);
  // each group's cut is the nearest to a target that all groups share; within the bound the most accurate, else the least gap
  const distance = (c: Cut, to: Cut): number =>
    goal === "demographicParity"
      ? Math.abs(c.selected - to.selected)
      : Math.max(Math.abs(c.truePositive - to.truePositive), Math.abs(c.falsePositive - to.falsePositive));
  let best: { readonly chosen: readonly Cut[]; readonly gap: number; readonly right: number } | undefined;
  for (const target of cuts.flat()) {
    const chosen = cuts.map(own => own.reduce((near, c) => (distance(c, target) < distance(near, target) ? c : near)));
    const found = { chosen, gap: gapOf(chosen), right: rightOf(chosen) };
    const isWithin = found.gap <= bound;
    const isBetter = !best || (isWithin ? best.gap > bound || found.right > best.right : best.gap > bound && found.gap < best.gap);
    if (isBetter) best = found;
  }
  const { chosen, gap, right } = best!;
  return { thresholds: chosen.map(c => c.threshold), accuracy: right / n, gap, isWithinBound: gap <= bound };
}
