/** How many values a comparison needs, so that a change worth finding is found: distances of distributions from 0 to 1, whatever the change looks like. */
import { chiSquareAbove, normalQuantile } from "../distributions.ts";
import { checkArgument } from "../errors.ts";
import { inverse, logGamma } from "../special.ts";
import { kolmogorovAbove } from "./kolmogorov-smirnov.ts";

/** P(X > x) of a chi-square with `freedom` degrees and this noncentrality: a mixture of central ones with Poisson weights (Fisher 1928). */
export function noncentralChiSquareAbove(x: number, freedom: number, noncentrality: number): number {
  const mean = noncentrality / 2;
  if (mean === 0) return chiSquareAbove(x, freedom);
  // from the largest weight to both sides
  const middle = Math.floor(mean);
  const logWeight = middle * Math.log(mean) - mean - logGamma(middle + 1);
  let above = 0;
  for (const step of [1, -1] as const) {
    let weight = Math.exp(logWeight);
    for (let k = middle; k >= 0 && weight > 1e-17; ) {
      if (step === 1 || k < middle) above += weight * chiSquareAbove(x, freedom + 2 * k);
      weight *= step === 1 ? mean / (k + 1) : k / mean;
      k += step;
    }
  }
  return Math.min(1, above);
}

/** Statistics from here on are taken for normal: the mixture would have thousands of terms. */
const largeStatistic = 2000;

/** The noncentrality at which P(X > x) is `above`; 0 where it is more without any. */
export function noncentralityOf(x: number, freedom: number, above: number): number {
  if (chiSquareAbove(x, freedom) >= above) return 0;
  if (x > largeStatistic) {
    const z = normalQuantile(1 - above);
    return inverse(t => freedom + t + z * Math.sqrt(2 * (freedom + 2 * t)), x, 0, 4 * x);
  }
  let high = 1;
  while (noncentralChiSquareAbove(x, freedom, high) < above) high *= 2;
  return inverse(t => noncentralChiSquareAbove(x, freedom, t), above, 0, high);
}

export interface NeededOptions {
  /** Level of the test. */
  readonly alpha: number;
  /** Chance of finding the change. */
  readonly power: number;
  /** The change: largest difference of the distribution functions, or the share that moved from some categories to others. */
  readonly distance: number;
}

function checkNeeded({ alpha, power, distance }: NeededOptions): void {
  checkArgument(alpha > 0 && alpha < 1, "alpha", "above 0 and below 1", alpha);
  checkArgument(power > 0 && power < 1, "power", "above 0 and below 1", power);
  checkArgument(distance > 0 && distance <= 1, "distance", "above 0, at most 1", distance);
}

/** Values beside a reference of `reference` values, so that n m / (n + m) is `effective`; null where no number is enough. */
export const besideReference = (effective: number, reference: number): number | null =>
  reference <= effective ? null : Math.ceil((effective * reference) / (reference - effective));

/**
 * n m / (n + m) that the test of Kolmogorov and Smirnov needs for any change of this distance: a bound by the one point where the functions
 * are farthest apart (Massey 1950), so fewer values find many changes. Errors: statistics/argument.
 */
export function neededForDistance(o: NeededOptions): number {
  checkNeeded(o);
  const critical = inverse(t => 1 - kolmogorovAbove(t), 1 - o.alpha, 0, 10);
  return ((critical + normalQuantile(o.power) / 2) / o.distance) ** 2;
}

/** The same for the chi-square test, where this share of the values moved: the noncentrality is at least 4 distance² n m / (n + m). */
export function neededForCategories(freedom: number, o: NeededOptions): number {
  checkNeeded(o);
  checkArgument(Number.isInteger(freedom) && freedom >= 1, "freedom", "a whole number from 1", freedom);
  let high = 2 * freedom + 10;
  while (chiSquareAbove(high, freedom) > o.alpha) high *= 2;
  const critical = inverse(t => 1 - chiSquareAbove(t, freedom), 1 - o.alpha, 0, high);
  return noncentralityOf(critical, freedom, o.power) / (4 * o.distance ** 2);
}

/** The same for a test of two shares. */
export function neededForShares(o: NeededOptions): number {
  checkNeeded(o);
  return ((normalQuantile(1 - o.alpha / 2) + normalQuantile(o.power)) / (2 * o.distance)) ** 2;
}
