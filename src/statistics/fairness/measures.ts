/**
 * Measures of group fairness, each one number over all groups: the widest gap between two of them, over the classes that count as the outcome.
 * - `demographicParity`: gap of the selection rate (Fairlearn `demographic_parity_difference`)
 * - `disparateImpact`: least selection rate by the greatest, 1 is best (Fairlearn `demographic_parity_ratio`; the four-fifths rule asks 0.8)
 * - `equalOpportunity`: gap of the true positive rate (Hardt et al. 2016)
 * - `equalisedOdds`: the greater of the gaps of true and false positive rate (Fairlearn `equalized_odds_difference`)
 * - `averageOdds`: absolute mean of the signed gaps of true and false positive rate (AIF360 `average_odds_difference` without its sign)
 * - `predictiveParity`: gap of the precision
 * - `groupCalibration`: expected calibration error of the worst group
 * A group that lacks a denominator leaves the measure undefined, with the reason.
 */
import { countCells, type GroupedPredictions, type OutcomeCounts, outcomeCounts, type RateName, rateOfCounts, rates } from "./cells.ts";
import { drawnGroupCalibration } from "./group-calibration.ts";

export const fairnessMeasureNames = [
  "demographicParity",
  "disparateImpact",
  "equalOpportunity",
  "equalisedOdds",
  "averageOdds",
  "predictiveParity",
  "groupCalibration",
] as const;
export type FairnessMeasureName = (typeof fairnessMeasureNames)[number];

export const isFairnessMeasure = (name: string): name is FairnessMeasureName => (fairnessMeasureNames as readonly string[]).includes(name);

/** Which of two figures is fairer. */
export const fairerOf = (name: FairnessMeasureName): "higher" | "lower" => (name === "disparateImpact" ? "higher" : "lower");

/** A measure's value, or why it has none. `groups` are the two that decide (one for calibration), `outcome` is the class. */
export interface FairnessValue {
  /** Not a number where undefined. */
  readonly value: number;
  readonly reason?: string;
  readonly groups?: readonly number[];
  readonly outcome?: number;
}

const undefinedBecause = (reason: string): FairnessValue => ({ value: Number.NaN, reason });

interface Measured {
  readonly data: GroupedPredictions;
  /** Groups that count. */
  readonly groups: readonly number[];
  /** [group among those that count] for the class. */
  readonly counts: readonly OutcomeCounts[];
  readonly outcome: number;
}

/** The first of the rates that has no denominator in a group. */
function lacking({ data, groups, counts, outcome }: Measured, names: readonly RateName[]): FairnessValue | undefined {
  for (const name of names) {
    const at = counts.findIndex(c => rates[name].of(c) === 0);
    if (at >= 0)
      return undefinedBecause(
        `group "${data.groups[groups[at]!]}" has no ${rates[name].lacking} ("${data.classes[outcome]}"), so no ${name}`,
      );
  }
  return undefined;
}

const range = (values: readonly number[]) => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { low, high, places: [values.indexOf(low), values.indexOf(high)] as const };
};

/** The widest gap of one rate. */
function gap(m: Measured, name: RateName): FairnessValue {
  const none = lacking(m, [name]);
  if (none) return none;
  const { low, high, places } = range(m.counts.map(c => rateOfCounts(name, c)));
  return { value: high - low, groups: places.map(p => m.groups[p]!), outcome: m.outcome };
}

const worse = (a: FairnessValue, b: FairnessValue): FairnessValue => (Number.isNaN(a.value) || a.value >= b.value ? a : b);

type FromCounts = (m: Measured) => FairnessValue;
const fromCounts: { readonly [M in Exclude<FairnessMeasureName, "groupCalibration">]: FromCounts } = {
  demographicParity: m => gap(m, "selectionRate"),
  disparateImpact(m) {
    const none = lacking(m, ["selectionRate"]);
    if (none) return none;
    const { low, high, places } = range(m.counts.map(c => rateOfCounts("selectionRate", c)));
    if (high === 0) return undefinedBecause(`no item of any group was predicted to be "${m.data.classes[m.outcome]}"`);
    return { value: low / high, groups: places.map(p => m.groups[p]!), outcome: m.outcome };
  },
  equalOpportunity: m => gap(m, "truePositiveRate"),
  equalisedOdds: m => worse(gap(m, "truePositiveRate"), gap(m, "falsePositiveRate")),
  averageOdds(m) {
    const none = lacking(m, ["truePositiveRate", "falsePositiveRate"]);
    if (none) return none;
    const { low, high, places } = range(
      m.counts.map(c => (rateOfCounts("truePositiveRate", c) + rateOfCounts("falsePositiveRate", c)) / 2),
    );
    return { value: high - low, groups: places.map(p => m.groups[p]!), outcome: m.outcome };
  },
  predictiveParity: m => gap(m, "precision"),
};

export interface FairnessOptions {
  /** The class that counts as the outcome; every class against the others where absent, and the worst counts. */
  readonly positive?: string | undefined;
  /** Least items of a group (default 30). */
  readonly least?: number | undefined;
  /** A smaller group leaves every measure undefined (default), or is left out of them. */
  readonly small?: "undefined" | "leave-out" | undefined;
}

export const leastGroupSize = 30;

/** Classes that count as the outcome. */
export const outcomesOf = ({ classes }: GroupedPredictions, positive: string | undefined): number[] =>
  positive === undefined ? classes.map((_, c) => c) : [classes.indexOf(positive)];

/** The groups that count, or why no measure has a value. */
export function countedGroups(
  data: GroupedPredictions,
  { least = leastGroupSize, small = "undefined" }: FairnessOptions,
): number[] | string {
  const sizes = data.groups.map(() => 0);
  for (let i = 0; i < data.groupOf.length; i++) sizes[data.groupOf[i]!]!++;
  const tooSmall = sizes.flatMap((n, g) => (n < least ? [g] : []));
  if (tooSmall.length > 0 && small === "undefined") {
    const [first] = tooSmall;
    const others = tooSmall.length - 1;
    const more = others > 0 ? `, and ${others} more ${others === 1 ? "group is" : "groups are"} as small` : "";
    return `group "${data.groups[first!]}" has ${sizes[first!]} items, fewer than ${least}${more}`;
  }
  const counted = data.groups.flatMap((_, g) => (tooSmall.includes(g) ? [] : [g]));
  if (counted.length >= 2) return counted;
  return `${counted.length === 0 ? "no group has" : "only one group has"} ${least} items or more; a gap needs two`;
}

/** A measure prepared on items: its value at any places among them, with repetitions. Groups count by their size among all items, not in a draw. */
export function drawnFairness(
  name: FairnessMeasureName,
  data: GroupedPredictions,
  options: FairnessOptions = {},
): (at: ArrayLike<number>) => FairnessValue {
  const groups = countedGroups(data, options);
  if (typeof groups === "string") return () => undefinedBecause(groups);
  const outcomes = outcomesOf(data, options.positive);
  const isHigher = fairerOf(name) === "higher";
  const worst = (values: readonly FairnessValue[]): FairnessValue =>
    values.reduce((a, b) =>
      Number.isNaN(a.value) ? a : Number.isNaN(b.value) ? b : (isHigher ? b.value < a.value : b.value > a.value) ? b : a,
    );
  if (name === "groupCalibration") {
    if (!data.probabilities) return () => undefinedBecause("the predictions have no probabilities");
    const drawn = outcomes.map(o => drawnGroupCalibration(data, o));
    return at =>
      worst(
        drawn.flatMap((errors, o) => {
          const own = errors(at);
          return groups.map(g => ({ value: own[g]!, groups: [g], outcome: outcomes[o]! }));
        }),
      );
  }
  const measure = fromCounts[name];
  return at => {
    const cells = countCells(data, at);
    return worst(
      outcomes.map(outcome =>
        measure({ data, groups, outcome, counts: groups.map(g => outcomeCounts(cells, data.classes.length, g, outcome)) }),
      ),
    );
  };
}
