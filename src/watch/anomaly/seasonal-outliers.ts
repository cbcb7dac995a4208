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
 * What a limit of Rosner's is multiplied by, since medians vary more than means, deviations do, and each phase of the season has few values: from simulated
 * normal series of this length and period. Without it one series of 60 in five had an outlier at a level of 0.05.
 */
function medianFactor(n: number, period: number, level: number): number {
  const key = `${n} ${period} ${level}`;
  const known = factors.get(key);
  if (known !== undefined) return known;
  const factor = simulatedFactor(n, period, [level], simulatedSeries, period === 1 ? `${n} ${level}` : key)[0]!;
  factors.set(key, factor);
  return factor;
}

/** Factors of levels by simulation: what monitors have as a table, and a test measures again. */
export function simulatedFactor(n: number, period: number, levels: readonly number[], series: number, seed: string): number[] {
  const draw = random(seed);
  const scores = Float64Array.from({ length: series }, () => {
    const values = Float64Array.from({ length: n }, () => draw.normal());
    const residuals = period === 1 ? values : residualsOf(values, period);
    const { middle, deviation, at } = extreme(residuals);
    return Math.abs(residuals[at]! - middle) / deviation;
  }).sort();
  return levels.map(level => quantile(scores, 1 - level) / rosnerLimit(n - 1, level));
}

const residualsOf = (values: ArrayLike<number>, period: number): Float64Array =>
  expectedOf(values, period).map((expected, i) => values[i]! - expected);

/** A window of values in their order, from which one goes and one comes. */
class SortedWindow {
  readonly #sorted: Float64Array;

  constructor(values: ArrayLike<number>) {
    this.#sorted = Float64Array.from(values).sort();
  }

  median(): number {
    const middle = this.#sorted.length >> 1;
    return this.#sorted.length % 2 === 1 ? this.#sorted[middle]! : (this.#sorted[middle - 1]! + this.#sorted[middle]!) / 2;
  }

  replace(going: number, coming: number): void {
    const from = this.#place(going);
    const to = this.#place(coming);
    if (to > from) {
      this.#sorted.copyWithin(from, from + 1, to);
      this.#sorted[to - 1] = coming;
    } else {
      this.#sorted.copyWithin(to + 1, to, from);
      this.#sorted[to] = coming;
    }
  }

  /** Of the first value that is not below it. */
  #place(value: number): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Level and season at each place: the median of two seasons around it, and the median of what is left in its phase. */
function expectedOf(values: ArrayLike<number>, period: number): Float64Array {
  const n = values.length;
  if (period === 1) return new Float64Array(n).fill(median(values));
  const level = new Float64Array(n);
  const window = new SortedWindow(Array.from({ length: Math.min(n, 2 * period) }, (_, k) => values[k]!));
  let from = 0;
  for (let i = 0; i < n; i++) {
    const next = Math.max(0, Math.min(i - period, n - 2 * period));
    for (; from < next; from++) window.replace(values[from]!, values[from + 2 * period]!);
    level[i] = window.median();
  }
  const phases = Array.from({ length: period }, (_, phase) => {
    const left: number[] = [];
    for (let i = phase; i < n; i += period) left.push(values[i]! - level[i]!);
    return median(left);
  });
  return level.map((l, i) => l + phases[i % period]!);
}

interface Judged extends SeasonalOutlier {
  /** Deviations from which it is one, where all that are farther out are gone. */
  readonly limit: number;
}

/**
 * Generalised extreme Studentised deviates: up to `most` values, farthest first, and how many of them are outliers: up to the last one that is beyond its limit,
 * since outliers may hide one another.
 */
function judged(values: ArrayLike<number>, period: number, most: number, limitOf: (stage: number) => number) {
  const expected = expectedOf(values, period);
  const residuals = expected.map((e, i) => values[i]! - e);
  // the farthest from the middle is the first or the last of what is left, so that is always a stretch of the sorted ones
  const order = Uint32Array.from(residuals.keys()).sort((a, b) => residuals[a]! - residuals[b]!);
  const sorted = Float64Array.from(order, i => residuals[i]!);
  let [from, to] = [0, sorted.length];
  const farthest: Judged[] = [];
  let outliers = 0;
  for (let k = 1; k <= most; k++) {
    const middle = sortedMedian(sorted, from, to);
    const deviation = normalMad * medianDistance(sorted, from, to, middle);
    // more than half of the values are the same: nothing says how far others may lie
    if (deviation === 0) break;
    const index = order[middle - sorted[from]! > sorted[to - 1]! - middle ? from++ : --to]!;
    const [score, limit] = [Math.abs(residuals[index]! - middle) / deviation, limitOf(k)];
    farthest.push({ index, value: values[index]!, expected: expected[index]! + middle, score, limit });
    if (score > limit) outliers = k;
  }
  return { farthest, outliers };
}

function sortedMedian(sorted: Float64Array, from: number, to: number): number {
  const middle = (from + to) >> 1;
  return (to - from) % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median of the distances from the middle: those of both halves rise outward, and are merged as far as half of them. */
function medianDistance(sorted: Float64Array, from: number, to: number, middle: number): number {
  const count = to - from;
  let [low, high] = [((from + to) >> 1) - 1, (from + to) >> 1];
  let [last, before] = [0, 0];
  for (let taken = 0; taken <= count >> 1; taken++) {
    before = last;
    const down = low >= from ? middle - sorted[low]! : Number.POSITIVE_INFINITY;
    const up = high < to ? sorted[high]! - middle : Number.POSITIVE_INFINITY;
    if (down < up) [last, low] = [down, low - 1];
    else [last, high] = [up, high + 1];
  }
  return count % 2 === 1 ? last : (before + last) / 2;
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
  const factor = medianFactor(n, period, level);
  const most = Math.max(1, Math.floor(mostShare * n));
  const { farthest, outliers } = judged(values, period, most, k => factor * rosnerLimit(n - k, level));
  return farthest.slice(0, outliers).map(({ limit: _, ...outlier }) => outlier);
}

/** How the newest value of a series stands to its season. */
interface NewestValue {
  /** Of its limit: above 1 it is an outlier. */
  readonly ratio: number;
  readonly side: "above" | "below";
}

/** `limits[k - 1]`: deviations from which the k-th farthest value is an outlier, for `newestLimits`. */
export function newestOutlier(values: ArrayLike<number>, period: number, limits: readonly number[]): NewestValue {
  const n = values.length;
  const { farthest, outliers } = judged(values, period, limits.length, k => limits[k - 1]!);
  const place = farthest.findIndex(f => f.index === n - 1);
  if (place < 0) return { ratio: 0, side: "above" };
  const { score, limit, value, expected } = farthest[place]!;
  const side = value > expected ? "above" : "below";
  // one that is nearer than its limit is an outlier with a later one that is beyond its own
  return { ratio: place < outliers ? Math.max(1, score / limit) : Math.min(0.99, score / limit), side };
}

/** Limits of the `most` farthest of `n` values at a level of all of them together; `factor` as `simulatedFactor` gives it for this level. */
export const newestLimits = (n: number, level: number, most: number, factor: number): number[] =>
  Array.from({ length: most }, (_, k) => factor * rosnerLimit(n - k - 1, level));
