/**
 * Intervals of expected calibration errors. An error is a sum of distances, and a distance of noisy numbers is too great: the draws of a bootstrap are farther
 * from 0 than the sample, which is farther than the truth, so BCa and percentile intervals of a calibrated model leave 0 out (docs/log.md has the simulation).
 * With fixed bins the error is the greatest of the sums that give each bin's gap a sign, and one of those sums is the true error. So the high end adds the
 * standard error of such a sum; the low end takes away what the bins' gaps may be off all together, by the bootstrap.
 */
import { normalQuantile } from "./distributions.ts";
import { outOf } from "./errors.ts";
import { type Probabilities, reliability } from "./reliability.ts";
import { type BootstrapOptions, bootstrapDraws, clusterItems, quantile } from "./resampling.ts";

/** Items in bins, for one class; of several groups each has its bins. */
export interface BinnedResiduals {
  /** The group of each item, and its bin there. */
  readonly groupOf: ArrayLike<number>;
  readonly binOf: ArrayLike<number>;
  /** Probability less truth (0 or 1). */
  readonly residual: ArrayLike<number>;
}

export interface CalibrationIntervalOptions extends Omit<BootstrapOptions, "method"> {
  /** Number of groups and of bins. */
  readonly groups: number;
  readonly bins: number;
  /** Of how many errors it is the worst; the low ends hold for all of them at once (default 1). */
  readonly together?: number | undefined;
}

/** Interval of the greatest error of all groups and classes; not numbers where nothing is known. Errors: statistics/argument. */
export function calibrationInterval(
  classes: readonly BinnedResiduals[],
  { groups, bins, together = 1, ...options }: CalibrationIntervalOptions,
): { readonly low: number; readonly high: number } {
  const { confidence = 0.95, clusters } = options;
  outOf(confidence, "confidence");
  const none = { low: Number.NaN, high: Number.NaN };
  const n = classes[0]?.residual.length ?? 0;
  const sizes = new Float64Array(groups);
  for (let i = 0; i < n; i++) sizes[classes[0]!.groupOf[i]!]!++;
  // an item more or less in any bin: no variance is 0
  const share = n === 0 ? 1 : clusterItems(n, clusters).length / n;
  const drawn = bootstrapDraws(n, at => gapsAt(classes, at, groups, bins), options);
  if (!drawn) return none;
  const { values, columns } = drawn;
  const draws = columns[0]!.length;
  const most = new Float64Array(draws);
  const errors = classes.flatMap((_, k) =>
    Array.from({ length: groups }, (_, g) => {
      const from = (k * groups + g) * bins;
      const off = new Float64Array(draws);
      let [error, variance] = [0, 1 / (sizes[g]! * share + 2) ** 2];
      for (let b = from; b < from + bins; b++) {
        error += Math.abs(values[b]!);
        let [sum, squares] = [0, 0];
        for (let d = 0; d < draws; d++) {
          const e = columns[b]![d]! - values[b]!;
          off[d] = off[d]! + Math.abs(e);
          sum += e;
          squares += e * e;
        }
        variance += Math.max(0, (squares - (sum * sum) / draws) / (draws - 1));
      }
      const deviation = Math.sqrt(variance);
      for (let d = 0; d < draws; d++) most[d] = Math.max(most[d]!, off[d]! / deviation);
      return { error, deviation };
    }),
  );
  if (errors.some(e => Number.isNaN(e.error) || Number.isNaN(e.deviation))) return none;
  const beyond = (1 - confidence) / 2;
  const [all, own] = [quantile(most.sort(), 1 - beyond / together), normalQuantile(1 - beyond)];
  return {
    low: Math.max(0, ...errors.map(e => e.error - all * e.deviation)),
    high: Math.min(1, Math.max(...errors.map(e => e.error + own * e.deviation))),
  };
}

/** Interval of the expected calibration error by bins of equal mass (`calibrationError` of `reliability`). Errors: statistics/argument. */
export function calibrationErrorInterval(
  data: Probabilities,
  { bins = 15, ...options }: Omit<BootstrapOptions, "method"> & { readonly bins?: number } = {},
): { readonly low: number; readonly high: number } {
  const ends = reliability(data, { bins }).map(b => b.high);
  const binOf = Int32Array.from(data.probability, p => ends.findIndex(end => p <= end));
  const residual = Float64Array.from(data.probability, (p, i) => p - (data.positive[i] ? 1 : 0));
  return calibrationInterval([{ groupOf: new Uint8Array(residual.length), binOf, residual }], { ...options, groups: 1, bins: ends.length });
}

/** Sums of residuals by class, group and bin, as shares of the group's items. */
function gapsAt(classes: readonly BinnedResiduals[], at: ArrayLike<number>, groups: number, bins: number): Float64Array {
  const sums = new Float64Array(classes.length * groups * bins);
  const counts = new Float64Array(groups);
  for (let j = 0; j < at.length; j++) {
    const group = classes[0]!.groupOf[at[j]!]!;
    counts[group] = counts[group]! + 1;
  }
  for (const [k, { groupOf, binOf, residual }] of classes.entries())
    for (let j = 0; j < at.length; j++) {
      const i = at[j]!;
      const cell = (k * groups + groupOf[i]!) * bins + binOf[i]!;
      sums[cell] = sums[cell]! + residual[i]!;
    }
  return sums.map((sum, cell) => sum / counts[Math.floor(cell / bins) % groups]!);
}
