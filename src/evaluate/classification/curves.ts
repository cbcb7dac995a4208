/** What each threshold would give: ROC and precision-recall curves of a score that should be high for the positive class. */
import { evaluateErrors } from "../errors.ts";
import { sameLength } from "./confusion.ts";

/** Scores of items and whether each is positive (not 0). */
export interface Scored {
  readonly positive: ArrayLike<number | boolean>;
  readonly score: ArrayLike<number>;
}

/** Counts when everything at a threshold and above is taken for positive, for each different score from the highest down. */
export interface Curve {
  readonly positives: number;
  readonly negatives: number;
  readonly thresholds: Float64Array;
  readonly truePositives: Float64Array;
  readonly falsePositives: Float64Array;
}

/**
 * Counts at every different score. Errors: evaluate/empty, evaluate/items, evaluate/score (a score that is not a number), evaluate/classes (no
 * positive or no negative item: no curve is defined).
 */
export function curveOf({ positive, score }: Scored): Curve {
  const n = positive.length;
  sameLength(n, score.length, "score");
  let positives = 0;
  for (let i = 0; i < n; i++) {
    if (positive[i]) positives++;
    if (Number.isNaN(score[i]!))
      throw evaluateErrors.fail("score", {
        place: `score[${i}]`,
        expected: "a number",
        received: "NaN",
        hint: "Leave such items out, or count them as errors.",
      });
  }
  if (positives === 0 || positives === n)
    throw evaluateErrors.fail("classes", {
      place: "positive",
      expected: "positive and negative items",
      received: `${positives} positive, ${n - positives} negative`,
    });
  // Each side sorted for itself, without a comparison in JavaScript, and then merged.
  const [up, down] = [new Float64Array(positives), new Float64Array(n - positives)];
  for (let i = 0, u = 0, d = 0; i < n; i++)
    if (positive[i]) up[u++] = score[i]!;
    else down[d++] = score[i]!;
  up.sort();
  down.sort();
  const [thresholds, truePositives, falsePositives] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  let points = 0;
  for (let u = positives, d = n - positives; u > 0 || d > 0; points++) {
    const threshold = Math.max(u > 0 ? up[u - 1]! : Number.NEGATIVE_INFINITY, d > 0 ? down[d - 1]! : Number.NEGATIVE_INFINITY);
    while (u > 0 && up[u - 1]! >= threshold) u--;
    while (d > 0 && down[d - 1]! >= threshold) d--;
    thresholds[points] = threshold;
    truePositives[points] = positives - u;
    falsePositives[points] = n - positives - d;
  }
  const [t, tp, fp] = [thresholds, truePositives, falsePositives].map(column => column.subarray(0, points)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return { positives, negatives: n - positives, thresholds: t, truePositives: tp, falsePositives: fp };
}

/** Area under the ROC curve: how often a positive item has the higher score than a negative one, ties half (Hanley & McNeil 1982). */
export function rocArea({ positives, negatives, truePositives, falsePositives }: Curve): number {
  let [area, hits, misses] = [0, 0, 0];
  for (let i = 0; i < truePositives.length; i++) {
    area += ((falsePositives[i]! - misses) * (truePositives[i]! + hits)) / 2;
    [hits, misses] = [truePositives[i]!, falsePositives[i]!];
  }
  return area / (positives * negatives);
}

/** Average precision: the precision at each threshold, weighted by the recall that it adds; no interpolation. */
export function averagePrecision({ positives, truePositives, falsePositives }: Curve): number {
  let [sum, hits] = [0, 0];
  for (let i = 0; i < truePositives.length; i++) {
    const now = truePositives[i]!;
    sum += ((now - hits) / positives) * (now / (now + falsePositives[i]!));
    hits = now;
  }
  return sum;
}

/** What a wrong decision costs, each way. */
export interface Costs {
  readonly falsePositive: number;
  readonly falseNegative: number;
}

export interface ThresholdChoice {
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Mean cost of an item. */
  readonly cost: number;
}

/** The choice of the i-th threshold; of -1: nothing is taken for positive. */
function choiceAt(curve: Curve, i: number, costs: Costs): ThresholdChoice {
  const { positives, negatives } = curve;
  const [hits, misses] = i < 0 ? [0, 0] : [curve.truePositives[i]!, curve.falsePositives[i]!];
  return {
    threshold: i < 0 ? Number.POSITIVE_INFINITY : curve.thresholds[i]!,
    truePositives: hits,
    falsePositives: misses,
    precision: hits === 0 ? 0 : hits / (hits + misses),
    recall: hits / positives,
    f1: (2 * hits) / (hits + misses + positives),
    cost: (costs.falsePositive * misses + costs.falseNegative * (positives - hits)) / (positives + negatives),
  };
}

/** The index, from `first` on, at which a figure is least; the first of equals. */
function leastAt(curve: Curve, first: number, figure: (choice: ThresholdChoice) => number, costs: Costs): number {
  let [at, least] = [first, Number.POSITIVE_INFINITY];
  for (let i = first; i < curve.thresholds.length; i++) {
    const value = figure(choiceAt(curve, i, costs));
    if (value < least) [at, least] = [i, value];
  }
  return at;
}

const evenCosts: Costs = { falsePositive: 1, falseNegative: 1 };

/** The threshold of least cost on these items (`Infinity`: take nothing), the higher one of equals. Choose on validation items, report on others. */
export const cheapestThreshold = (curve: Curve, costs: Costs = evenCosts): ThresholdChoice =>
  choiceAt(
    curve,
    leastAt(curve, -1, c => c.cost, costs),
    costs,
  );

/** The threshold of highest F1 on these items, the higher one of equals. */
export const bestF1Threshold = (curve: Curve): ThresholdChoice =>
  choiceAt(
    curve,
    leastAt(curve, 0, c => -c.f1, evenCosts),
    evenCosts,
  );
