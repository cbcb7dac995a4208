/**
 * Scores of one learner on resampled train / test splits of the same data, such as the folds of a cross-validation. Training sets overlap, so the
 * scores are dependent and their variance over J is too small for the variance of their mean: it is multiplied by (1 / J + n_test / n_train) in its
 * place (Nadeau and Bengio 2003, "Inference for the Generalization Error", Machine Learning 52; for r times k folds Bouckaert and Frank 2004).
 */
import { studentQuantile, studentWithin } from "./distributions.ts";
import { checkArgument, outOf } from "./errors.ts";

export interface ResampledMean {
  readonly mean: number;
  /** Sample standard deviation of the scores; NaN of a single one. */
  readonly deviation: number;
  /** Of the mean, corrected for overlapping training sets. */
  readonly standardError: number;
  /** Ends of the interval; NaN of a single score, and where all are equal: their spread then says nothing of how sure the mean is. */
  readonly low: number;
  readonly high: number;
  /** Two-sided p of the hypothesis that the mean is 0, by the corrected t-test; NaN where there is no interval. */
  readonly p: number;
}

export interface ResampledOptions {
  /** Mean sizes of the splits' test and training sets. 0 test items: the scores are independent, as of seeds on one split. */
  readonly testSize: number;
  readonly trainSize: number;
  readonly confidence?: number;
}

/** Mean of squared deviations over n - 1. NaN of a single value. */
export const sampleVariance = (values: readonly number[]): number => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((s, x) => s + (x - mean) ** 2, 0) / (values.length - 1);
};

/** Deviations below this share of the values are rounding. */
const rounding = 1e-12;

/** The mean of scores of resampled splits, one a split, with its corrected interval. Errors: statistics/argument. */
export function resampledMean(scores: readonly number[], { testSize, trainSize, confidence = 0.95 }: ResampledOptions): ResampledMean {
  checkArgument(scores.length > 0, "scores", "a score or more", scores.length);
  checkArgument(testSize >= 0, "testSize", "a number from 0 on", testSize);
  checkArgument(trainSize > 0, "trainSize", "a number above 0", trainSize);
  outOf(confidence, "confidence");
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  const deviation = Math.sqrt(sampleVariance(scores));
  const standardError = Math.sqrt(1 / scores.length + testSize / trainSize) * deviation;
  if (!(deviation > rounding * Math.max(1, Math.abs(mean))))
    return { mean, deviation, standardError, low: Number.NaN, high: Number.NaN, p: Number.NaN };
  const freedom = scores.length - 1;
  const half = studentQuantile(confidence, freedom) * standardError;
  return {
    mean,
    deviation,
    standardError,
    low: mean - half,
    high: mean + half,
    p: 1 - studentWithin(Math.abs(mean) / standardError, freedom),
  };
}

export interface CrossedDeviations {
  /** Over splits with the seed fixed: the root of the mean variance, over seeds. NaN of one split. */
  readonly splits: number;
  /** Over seeds with the split fixed. NaN of one seed. */
  readonly seeds: number;
  /** Over all runs. NaN of one run. */
  readonly total: number;
}

/**
 * Standard deviations of `scores[split][seed]` by source of variance, each source drawn while the other is fixed (Bouthillier et al. 2021, "Accounting for
 * Variance in Machine Learning Benchmarks"). Errors: statistics/argument for rows of different lengths.
 */
export function crossedDeviations(scores: readonly (readonly number[])[]): CrossedDeviations {
  const seeds = scores[0]?.length ?? 0;
  checkArgument(
    seeds > 0 && scores.every(row => row.length === seeds),
    "scores",
    "as many seeds for each split",
    scores.map(r => r.length).join(", "),
  );
  const pooled = (rows: readonly (readonly number[])[]) => Math.sqrt(rows.reduce((s, row) => s + sampleVariance(row), 0) / rows.length);
  return {
    splits: pooled(scores[0]!.map((_, s) => scores.map(row => row[s]!))),
    seeds: pooled(scores),
    total: Math.sqrt(sampleVariance(scores.flat())),
  };
}
