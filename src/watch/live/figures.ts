/**
 * Figures of many values that add up exactly: sums in whole units of 1/10,000, and counts by steps of a logarithm. Whole numbers add in any order to the same
 * (up to 2^53), so windows of several servers merge associatively. Histograms are sparse, idea: DDSketch (Masson, Rim and Lee 2019), with 5 % relative error.
 */

/** Plain data. */
export interface ValueSum {
  count: number;
  /** In units of 1/10,000. */
  sum: number;
}
/** Counts by step: values from `base ** step` on. What is below the least value counts there. */
export type LogCounts = Record<string, number>;

const unit = 10_000;
/** Values are cut at these: sums stay exact for 90,000 of the greatest a window. */
const most = 1e7;

const base = 1.1;
const logBase = Math.log(base);
const least = 0.01;

export const emptySum = (): ValueSum => ({ count: 0, sum: 0 });
export function addValue(to: ValueSum, value: number): void {
  to.count++;
  to.sum += Math.round(Math.min(most, Math.max(-most, value)) * unit);
}
export const meanOfSum = ({ count, sum }: ValueSum): number => (count > 0 ? sum / unit / count : Number.NaN);
export const mergeSums = (a: ValueSum, b: ValueSum): ValueSum => ({ count: a.count + b.count, sum: a.sum + b.sum });

/** A value that is not negative. */
export function countValue(to: LogCounts, value: number): void {
  const step = Math.floor(Math.log(Math.min(most, Math.max(least, value))) / logBase);
  to[step] = (to[step] ?? 0) + 1;
}
export function mergeCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...a };
  for (const [key, count] of Object.entries(b)) sum[key] = (Object.hasOwn(sum, key) ? sum[key]! : 0) + count;
  return sum;
}
export const totalOf = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((n, c) => n + c, 0);

/** The value that a share of all is not above, within 5 %; NaN of none. */
export function quantileOf(counts: LogCounts, share: number): number {
  const steps = Object.entries(counts)
    .map(([step, count]) => [Number(step), count] as const)
    .sort(([a], [b]) => a - b);
  let left = Math.max(1, Math.ceil(share * totalOf(counts)));
  for (const [step, count] of steps) {
    left -= count;
    // in the middle of the step, by ratio
    if (left <= 0) return base ** (step + 0.5);
  }
  return Number.NaN;
}
