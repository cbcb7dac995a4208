/** Distances of two samples of numbers whose size has the values' own unit or none: Wasserstein, Cramér-von Mises, energy. */
import { checkArgument } from "../errors.ts";
import { type PermutationOptions, permuted, sortedSample, type TwoSampleTest, walkBoth } from "./samples.ts";

/** A distance that adds up what lies between the empirical distribution functions. */
interface AreaDistance {
  /** Of the functions' difference at a value, per unit of the values. */
  readonly height: (difference: number) => number;
  readonly ofArea: (area: number) => number;
}
const wasserstein: AreaDistance = { height: Math.abs, ofArea: area => area };
const energy: AreaDistance = { height: d => d * d, ofArea: area => Math.sqrt(2 * area) };

function distanceOf({ height, ofArea }: AreaDistance, x: ArrayLike<number>, y: ArrayLike<number>): number {
  const [a, b] = [sortedSample(x, "x"), sortedSample(y, "y")];
  let area = 0;
  walkBoth(a, b, (i, j, toNext) => {
    area += height(i / a.length - j / b.length) * toNext;
  });
  return ofArea(area);
}

/** The same with its permutation p-value: the pooled values are sorted once, and each permutation only says whose they are. */
function permutedDistance(
  { height, ofArea }: AreaDistance,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  options: PermutationOptions,
): TwoSampleTest {
  const [a, b] = [sortedSample(x, "x"), sortedSample(y, "y")];
  const [n, m] = [a.length, b.length];
  const values = new Float64Array(n + m);
  values.set(a);
  values.set(b, n);
  const order = Uint32Array.from(values, (_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const gaps = Float64Array.from(order, (at, k) => (k + 1 < order.length ? values[order[k + 1]!]! - values[at]! : 0));
  return permuted(
    n,
    m,
    isFirst => {
      let [seen, area] = [0, 0];
      for (let k = 0; k < order.length; k++) {
        seen += isFirst[order[k]!]!;
        area += height(seen / n - (k + 1 - seen) / m) * gaps[k]!;
      }
      return ofArea(area);
    },
    options,
  );
}

/** Wasserstein-1 (earth mover's) distance, in the values' unit: the area between the empirical distribution functions. Errors: statistics/argument. */
export const wassersteinDistance = (x: ArrayLike<number>, y: ArrayLike<number>): number => distanceOf(wasserstein, x, y);
/** The distance with its permutation p-value. Errors: statistics/argument. */
export const wassersteinTest = (x: ArrayLike<number>, y: ArrayLike<number>, options: PermutationOptions = {}): TwoSampleTest =>
  permutedDistance(wasserstein, x, y, options);

/**
 * Energy distance (Székely and Rizzo 2004), sqrt(2 E|X - Y| - E|X - X'| - E|Y - Y'|), which for numbers is sqrt(2 ∫ (F - G)²); scipy's `energy_distance`.
 * Errors: statistics/argument.
 */
export const energyDistance = (x: ArrayLike<number>, y: ArrayLike<number>): number => distanceOf(energy, x, y);
/** The distance with its permutation p-value. Errors: statistics/argument. */
export const energyTest = (x: ArrayLike<number>, y: ArrayLike<number>, options: PermutationOptions = {}): TwoSampleTest =>
  permutedDistance(energy, x, y, options);

/**
 * Cramér-von Mises test of two samples (Anderson 1962): T, n m / (n + m)² times the squared distance between the distribution functions, summed over the pooled
 * values. Without ties the p-value is Anderson's for large samples, matched in mean and variance, and both are scipy's. With ties it is by permutation: scipy's
 * ranks within equal values make T grow with the ties, and call samples of one population different. Errors: statistics/argument.
 */
export function cramerVonMises(x: ArrayLike<number>, y: ArrayLike<number>, options: PermutationOptions = {}): TwoSampleTest {
  const [a, b] = [sortedSample(x, "x"), sortedSample(y, "y")];
  const [n, m] = [a.length, b.length];
  checkArgument(n > 1 && m > 1, "x, y", "two values or more each", `${n} and ${m}`);
  const [product, sum] = [n * m, n + m];
  // how many of the pooled values are at most each different one, and how many of them are x's
  const [ends, ofX]: [number[], number[]] = [[], []];
  walkBoth(a, b, (i, j) => {
    ends.push(i + j);
    ofX.push(i);
  });
  const statisticOf = (firstUpTo: ArrayLike<number>): number => {
    let [total, before] = [0, 0];
    for (let k = 0; k < ends.length; k++) {
      const i = firstUpTo[k]!;
      total += (ends[k]! - before) * (i / n - (ends[k]! - i) / m) ** 2;
      before = ends[k]!;
    }
    return (product / sum ** 2) * total;
  };
  const statistic = statisticOf(ofX);
  if (ends.length < sum) {
    // the first arrangement is asked about too: item k is x's when k is below n, and stands where x's k-th value does
    const places = new Uint32Array(sum);
    let [i, j, k] = [0, 0, 0];
    walkBoth(a, b, (upToX, upToY) => {
      for (; i < upToX; i++) places[i] = k;
      for (; j < upToY; j++) places[n + j] = k;
      k++;
    });
    const counts = new Uint32Array(ends.length);
    const { p } = permuted(
      n,
      m,
      isFirst => {
        counts.fill(0);
        for (let item = 0; item < sum; item++) if (isFirst[item]) counts[places[item]!]!++;
        for (let at = 1; at < counts.length; at++) counts[at]! += counts[at - 1]!;
        return statisticOf(counts);
      },
      options,
    );
    return { statistic, p, method: "permutation" };
  }
  const mean = (1 + 1 / sum) / 6;
  const variance = ((sum + 1) * (4 * product * sum - 3 * (n * n + m * m) - 2 * product)) / (45 * sum * sum * 4 * product);
  const limit = 1 / 6 + (statistic - mean) / Math.sqrt(45 * variance);
  return { statistic, p: limit < 0.003 ? 1 : cramerAbove(limit), method: "asymptotic" };
}

/** P(W > t) of the limit of Cramér-von Mises (Csörgő and Faraway 1996, equation 1.1), whose Bessel functions are integrals here. */
function cramerAbove(t: number): number {
  let below = 0;
  // Gamma(k + 1/2) / Gamma(1/2) / k!
  let coefficient = 1;
  for (let k = 0; k < 60; k++) {
    if (k > 0) coefficient *= (k - 0.5) / k;
    const y = 4 * k + 1;
    const q = (y * y) / (16 * t);
    const term = coefficient * Math.sqrt(y) * scaledBesselQuarter(q);
    below += term;
    if (term < 1e-16 * below) break;
  }
  return Math.max(Number.MIN_VALUE, Math.min(1, 1 - below / (Math.PI * Math.sqrt(t))));
}

/** exp(-q) K_{1/4}(q), K_v(q) = ∫ exp(-q cosh s) cosh(v s) ds from 0, by the trapezoidal rule, which converges geometrically here. */
function scaledBesselQuarter(q: number): number {
  const step = 1 / 64;
  let sum = 0.5 * Math.exp(-2 * q);
  for (let s = step; ; s += step) {
    const exponent = -q * (1 + Math.cosh(s));
    if (exponent < -745) break;
    sum += Math.exp(exponent) * Math.cosh(s / 4);
    if (s > 40) break;
  }
  return sum * step;
}
