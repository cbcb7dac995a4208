/** How good a classifier's scores are: ranking (AUC), decisions at a threshold, and whether a score of p comes true p of the time. */
import { brier, curveOf, calibrationError as expectedError, reliability, rocArea } from "../../statistics/index.ts";

export interface ScoredDocument {
  /** Probability of good. */
  readonly score: number;
  readonly isGood: boolean;
}

export interface Decisions {
  readonly accuracy: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Of the good: precision, recall and F1 where a score of `threshold` and more is called good. */
export function decisionsAt(scored: readonly ScoredDocument[], threshold = 0.5): Decisions {
  let [hits, said, good, right] = [0, 0, 0, 0];
  for (const { score, isGood } of scored) {
    const says = score >= threshold;
    said += Number(says);
    good += Number(isGood);
    hits += Number(says && isGood);
    right += Number(says === isGood);
  }
  const precision = said === 0 ? 0 : hits / said;
  const recall = good === 0 ? 0 : hits / good;
  return { accuracy: right / scored.length, precision, recall, f1: hits === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

const sidesOf = (scored: readonly ScoredDocument[]) => ({
  positive: scored.map(s => s.isGood),
  score: scored.map(s => s.score),
  probability: scored.map(s => s.score),
});

/** Probability that a good one scores higher than a bad one, ties half (Mann & Whitney 1947). NaN where one kind is missing. */
export function areaUnderCurve(scored: readonly ScoredDocument[]): number {
  const hasBoth = scored.some(s => s.isGood) && scored.some(s => !s.isGood);
  return hasBoth ? rocArea(curveOf(sidesOf(scored))) : Number.NaN;
}

/** Mean squared distance of score and truth (Brier 1950). */
export const brierScore = (scored: readonly ScoredDocument[]): number => brier(sidesOf(scored));

/** Expected calibration error over bins of equal width (Naeini et al. 2015): how far the mean score lies from the share of good, by bin. */
export const qualityCalibrationError = (scored: readonly ScoredDocument[], bins = 10): number =>
  expectedError(reliability(sidesOf(scored), { bins, by: "width" }));
