/**
 * Decisions counted by group: for each group, how many items have each true and each predicted class. Every measure of group fairness is a figure of these
 * counts, so a bootstrap draw costs one pass over its items. A rate without a denominator has no value; it is never 0.
 */
import { checkArgument } from "../errors.ts";

/** Predictions of items that each belong to one group. */
export interface GroupedPredictions {
  readonly classes: readonly string[];
  /** Index of each item's true class, and of the predicted one. */
  readonly truth: ArrayLike<number>;
  readonly predicted: ArrayLike<number>;
  /** Probability of each class, by item; needed for calibration alone. */
  readonly probabilities?: readonly ArrayLike<number>[] | undefined;
  /** Names of the groups, and the group of each item as an index. */
  readonly groups: readonly string[];
  readonly groupOf: ArrayLike<number>;
}

/** Counts of one group for one class against all others. */
export interface OutcomeCounts {
  readonly items: number;
  /** Items of the class, and items that were predicted to be of it. */
  readonly positives: number;
  readonly predicted: number;
  readonly truePositives: number;
}

/** Errors: statistics/argument for lengths that differ and indices that name nothing. */
export function checkGrouped({ classes, truth, predicted, probabilities, groups, groupOf }: GroupedPredictions): void {
  const n = truth.length;
  checkArgument(n > 0, "truth", "an item or more", n);
  checkArgument(predicted.length === n, "predicted", `${n} classes, one an item`, predicted.length);
  checkArgument(groupOf.length === n, "groupOf", `${n} groups, one an item`, groupOf.length);
  if (probabilities) checkArgument(probabilities.length === n, "probabilities", `${n} of them, one an item`, probabilities.length);
  const isIndex = (x: number, below: number) => Number.isInteger(x) && x >= 0 && x < below;
  for (let i = 0; i < n; i++) {
    checkArgument(isIndex(truth[i]!, classes.length), `truth[${i}]`, `a class from 0 to ${classes.length - 1}`, truth[i]);
    checkArgument(isIndex(predicted[i]!, classes.length), `predicted[${i}]`, `a class from 0 to ${classes.length - 1}`, predicted[i]);
    checkArgument(isIndex(groupOf[i]!, groups.length), `groupOf[${i}]`, `a group from 0 to ${groups.length - 1}`, groupOf[i]);
    for (let c = 0; probabilities && c < classes.length; c++)
      checkArgument(
        probabilities[i]![c]! >= 0 && probabilities[i]![c]! <= 1,
        `probabilities[${i}][${c}]`,
        "a number from 0 to 1",
        probabilities[i]![c],
      );
  }
}

/** Counts of the items at some places, with repetitions: [group][true class][predicted class] in one array. */
export function countCells(data: GroupedPredictions, at: ArrayLike<number>): Float64Array {
  const k = data.classes.length;
  const cells = new Float64Array(data.groups.length * k * k);
  for (let j = 0; j < at.length; j++) {
    const i = at[j]!;
    const cell = (data.groupOf[i]! * k + data.truth[i]!) * k + data.predicted[i]!;
    cells[cell] = cells[cell]! + 1;
  }
  return cells;
}

/** Counts of a group for one class against the others. */
export function outcomeCounts(cells: Float64Array, numClasses: number, group: number, outcome: number): OutcomeCounts {
  let [items, positives, predicted] = [0, 0, 0];
  const base = group * numClasses * numClasses;
  for (let t = 0; t < numClasses; t++)
    for (let p = 0; p < numClasses; p++) {
      const count = cells[base + t * numClasses + p]!;
      items += count;
      if (t === outcome) positives += count;
      if (p === outcome) predicted += count;
    }
  return { items, positives, predicted, truePositives: cells[base + outcome * numClasses + outcome]! };
}

/** Not a number where there is nothing to divide by. */
const share = (count: number, of: number): number => (of === 0 ? Number.NaN : count / of);

/** A rate of a group: what is counted, among how many, and what those are called where there is none of them. */
interface RateRule {
  readonly count: (c: OutcomeCounts) => number;
  readonly of: (c: OutcomeCounts) => number;
  readonly lacking: string;
}

export const rateNames = ["selectionRate", "truePositiveRate", "falsePositiveRate", "precision"] as const;
export type RateName = (typeof rateNames)[number];

export const rates: { readonly [R in RateName]: RateRule } = {
  selectionRate: { count: c => c.predicted, of: c => c.items, lacking: "items" },
  truePositiveRate: { count: c => c.truePositives, of: c => c.positives, lacking: "items of the class" },
  falsePositiveRate: { count: c => c.predicted - c.truePositives, of: c => c.items - c.positives, lacking: "items of another class" },
  precision: { count: c => c.truePositives, of: c => c.predicted, lacking: "items predicted to be of the class" },
};

/** Not a number where its denominator is 0. */
export const rateOfCounts = (name: RateName, counts: OutcomeCounts): number => share(rates[name].count(counts), rates[name].of(counts));
