/** What each threshold would give: ROC and precision-recall curves of a score that should be high for the positive class. */
import { type Curve, drawnCurve as ofDraws, curveOf as ofScores, type ScoredOutcomes } from "../../statistics/index.ts";
import { evaluateErrors } from "../errors.ts";
import { sameLength } from "./confusion.ts";

export { averagePrecision, type Curve, rocArea, type ScoredOutcomes } from "../../statistics/index.ts";

/** Errors: evaluate/empty, evaluate/items, evaluate/score (a score that is not a number). */
function checked({ positive, score }: ScoredOutcomes): void {
  sameLength(positive.length, score.length, "score");
  for (let i = 0; i < score.length; i++)
    if (Number.isNaN(score[i]!))
      throw evaluateErrors.fail("score", {
        place: `score[${i}]`,
        expected: "a number",
        received: "NaN",
        hint: "Leave such items out, or count them as errors.",
      });
}

/** Counts at every different score. Errors: those of `checked`, evaluate/classes (no positive or no negative item: no curve is defined). */
export function checkedCurve(scored: ScoredOutcomes): Curve {
  checked(scored);
  const { positive } = scored;
  const n = positive.length;
  let positives = 0;
  for (let i = 0; i < n; i++) if (positive[i]) positives++;
  if (positives === 0 || positives === n)
    throw evaluateErrors.fail("classes", {
      place: "positive",
      expected: "positive and negative items",
      received: `${positives} positive, ${n - positives} negative`,
    });
  return ofScores(scored);
}

/** The curve of the items at some places, with repetitions, undefined where they are of one side: what a bootstrap asks for. Errors: those of `checked`. */
export function checkedDrawnCurve(scored: ScoredOutcomes): (at: ArrayLike<number>) => Curve | undefined {
  checked(scored);
  return ofDraws(scored);
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
