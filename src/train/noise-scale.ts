/**
 * Gradient noise scale (McCandlish et al. 2018, "An empirical model of large-batch training", appendix A.1): tr(S) / |G|^2, the batch at which the noise of
 * a gradient is as large as the gradient. Both parts are estimated without bias from gradients of two batch sizes: a step's micro-batches, and their sum.
 */

/** Unbiased estimates of one step: |G|^2, and the trace of the covariance of one token's gradient. Either may be below 0. */
export interface NoiseEstimate {
  readonly squared: number;
  readonly trace: number;
}

/** Exponential means of the parts. Their ratio is the scale: a mean of ratios would be biased. */
export interface NoiseLevel extends NoiseEstimate {
  /** Steps that were measured. */
  readonly count: number;
}

/** Share of the level that a measured step keeps: about the last 50 count. */
const keep = 0.98;

/**
 * The parts from a step's micro-batches. `weights` are their tokens; `squares` are the squared norms of their own mean gradients, `whole` that of the mean
 * over all. E|g_B|^2 = |G|^2 + tr(S) / B for a batch of B tokens. Undefined for fewer than two micro-batches.
 */
export function noiseEstimate(weights: readonly number[], squares: readonly number[], whole: number): NoiseEstimate | undefined {
  if (weights.length < 2 || squares.length !== weights.length || weights.some(w => !(w > 0))) return undefined;
  const mean = (xs: readonly number[]) => xs.reduce((s, x) => s + x, 0) / xs.length;
  const inverseSmall = mean(weights.map(w => 1 / w));
  const inverseWhole = 1 / weights.reduce((s, w) => s + w, 0);
  const trace = (mean(squares) - whole) / (inverseSmall - inverseWhole);
  return { trace, squared: whole - trace * inverseWhole };
}

/** The estimate of a step in parts, of all micro-batches and ranks; parts of no weight tell nothing. */
export function noiseOfParts(weights: readonly number[], squares: readonly number[], whole: number): NoiseEstimate | undefined {
  const parts = weights.flatMap((weight, i) => (weight > 0 ? [{ weight, squared: squares[i]! }] : []));
  return noiseEstimate(
    parts.map(x => x.weight),
    parts.map(x => x.squared),
    whole,
  );
}

/** The level with one more step. */
export function nextNoiseLevel(before: NoiseLevel | undefined, { squared, trace }: NoiseEstimate): NoiseLevel {
  const count = (before?.count ?? 0) + 1;
  // the mean of all while they are few
  const share = Math.max(1 - keep, 1 / count);
  const next = (sofar: number, x: number) => sofar + share * (x - sofar);
  return { count, squared: next(before?.squared ?? 0, squared), trace: next(before?.trace ?? 0, trace) };
}

/** The noise scale in tokens; undefined where the gradient cannot be told from its noise. */
export const noiseScaleOf = (level: NoiseLevel | undefined): number | undefined =>
  level && level.squared > 0 && level.trace > 0 ? level.trace / level.squared : undefined;

/** Rows a step for which the noise scale is `tokens`: at this batch a run takes twice the fewest steps and twice the fewest tokens. */
export const suggestedRows = (tokens: number, length: number): number => Math.max(1, Math.round(tokens / length));
