/**
 * Outliers of a seasonal series: Seasonal Hybrid ESD (Hochenbaum, Vallis and Kejariwal 2017). The season and the level are taken away by medians, and what is
 * left is put to the generalised extreme Studentised deviate test (Rosner 1983) with median and median absolute deviation, which outliers do not move.
 */
import { random } from "../../base/index.ts";
import { quantile, studentQuantile } from "../../statistics/index.ts";
import { checkSetting, checkValue } from "../errors.ts";

export interface SeasonalOutlierOptions {
  /** Values in a season; 1 for a series without one. */
  readonly period: number;
  /** Chance of calling anything an outlier in a series of normal residuals (default 0.05). */
  readonly level?: number;
  /** Largest share of the series that may be outliers (default 0.1, below 0.5). */
  readonly mostShare?: number;
}

export interface SeasonalOutlier {
  /** Place in the series. */
  readonly index: number;
  readonly value: number;
  /** What was expected there: level and season. */
  readonly expected: number;
  /** Distance in deviations. */
  readonly score: number;
}

/** Median of normal values' absolute deviations is the standard deviation by this. */
const normalMad = 1.4826022185056018;

function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Middle and deviation of residuals, and the place of the farthest. */
function extreme(residuals: ArrayLike<number>) {
  const middle = median(residuals);
  const off = Float64Array.from(residuals, r => Math.abs(r - middle));
  const deviation = normalMad * median(off);
  return { middle, deviation, at: off.reduce((far, d, i) => (d > off[far]! ? i : far), 0) };
}

const simulatedSeries = 1000;
const rosnerLimit = (rest: number, level: number): number => {
  const t = studentQuantile(1 - level / (rest + 1), rest - 1);
  return (rest * t) / Math.sqrt((rest - 1 + t * t) * (rest + 1));
};
const factors = new Map<string, number>();

/**
 * What a limit of Rosner's is multiplied by, since medians vary more than means and deviations do: from simulated normal series of this length. Without it
 * one series of 60 in five had an outlier at a level of 0.05.
 */
function medianFactor(n: number, level: number): number {
  const key = `${n} ${level}`;
  const known = factors.get(key);
  if (known !== undefined) return known;
  const draw = random(key);
  const scores = Float64Array.from({ length: simulatedSeries }, () => {
    const series = Float64Array.from({ length: n }, () => draw.normal());
    const { middle, deviation, at } = extreme(series);
    return Math.abs(series[at]! - middle) / deviation;
  }).sort();
  const factor = quantile(scores, 1 - level) / rosnerLimit(n - 1, level);
  factors.set(key, factor);
  return factor;
}

/** Level and season at each place: the median of two seasons around it, and the median of what is left in its phase. */
function expectedOf(values: ArrayLike<number>, period: number): Float64Array {
  const n = values.length;
  const level = new Float64Array(n);
  const whole = median(values);
  for (let i = 0; i < n; i++) {
    if (period === 1) level[i] = whole;
    else {
      const from = Math.max(0, Math.min(i - period, n - 2 * period));
      level[i] = median(Array.from({ length: Math.min(n, from + 2 * period) - from }, (_, k) => values[from + k]!));
    }
  }
  const phases = Array.from({ length: period }, (_, phase) => {
    const left: number[] = [];
    for (let i = phase; i < n; i += period) left.push(values[i]! - level[i]!);
    return median(left);
  });
  return Float64Array.from(level, (l, i) => l + (period === 1 ? 0 : phases[i % period]!));
}

/** Outliers, farthest first. Errors: watch/setting; watch/value for a value that is no finite number. */
export function seasonalOutliers(
  values: ArrayLike<number>,
  { period, level = 0.05, mostShare = 0.1 }: SeasonalOutlierOptions,
): readonly SeasonalOutlier[] {
  const n = values.length;
  checkSetting(Number.isInteger(period) && period >= 1, "period", "a whole number from 1", period);
  checkSetting(n >= Math.max(8, 3 * period), "values", `${Math.max(8, 3 * period)} or more, three seasons`, n);
  checkSetting(level > 0 && level < 1, "level", "a number between 0 and 1", level);
  checkSetting(mostShare > 0 && mostShare < 0.5, "mostShare", "a number between 0 and 0.5", mostShare);
  for (let i = 0; i < n; i++) checkValue(Number.isFinite(values[i]!), `values[${i}]`, "a finite number", values[i]);
  const expected = expectedOf(values, period);
  const left = Array.from({ length: n }, (_, i) => ({ index: i, residual: values[i]! - expected[i]! }));
  const factor = medianFactor(n, level);
  const most = Math.max(1, Math.floor(mostShare * n));
  const found: SeasonalOutlier[] = [];
  let outliers = 0;
  for (let k = 1; k <= most; k++) {
    const residuals = left.map(l => l.residual);
    const { middle, deviation, at } = extreme(residuals);
    // more than half of the values are the same: nothing says how far others may lie
    if (deviation === 0) break;
    const { index, residual } = left[at]!;
    const score = Math.abs(residual - middle) / deviation;
    const limit = factor * rosnerLimit(n - k, level);
    found.push({ index, value: values[index]!, expected: expected[index]! + middle, score });
    // the last one beyond its limit decides: outliers may hide one another
    if (score > limit) outliers = k;
    left.splice(at, 1);
  }
  return found.slice(0, outliers);
}
