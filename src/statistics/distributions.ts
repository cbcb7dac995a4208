/** Distributions by name: what lies beyond a value, and which value a probability belongs to. */
import { incompleteBeta, inverse, upperGamma } from "./special.ts";

/** P(Z > z) of the standard normal; exact far out in the tail. */
export const normalAbove = (z: number): number => (z < 0 ? 1 - normalAbove(-z) : upperGamma(0.5, (z * z) / 2) / 2);
export const normalBelow = (z: number): number => (z > 0 ? 1 - normalAbove(z) : normalAbove(-z));

/** The z with P(Z <= z) = p. p in (0, 1); 0 and 1 give the infinities. */
export function normalQuantile(p: number): number {
  if (p <= 0 || p >= 1) return p <= 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return p < 0.5 ? -inverse(z => -normalAbove(z), -p, 0, 40) : inverse(normalBelow, p, 0, 40);
}

/** The x with I_x(a, b) = p. */
export const betaQuantile = (p: number, a: number, b: number): number =>
  p <= 0 ? 0 : p >= 1 ? 1 : inverse(x => incompleteBeta(x, a, b), p, 0, 1);

/** P(X > x) of chi-square with `freedom` degrees. */
export const chiSquareAbove = (x: number, freedom: number): number => upperGamma(freedom / 2, x / 2);

/** Probability that |t| is at most `t` with `freedom` degrees (any positive number): Gosset 1908. */
export const studentWithin = (t: number, freedom: number): number => 1 - incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);

/** The t that |t| stays within with a probability. */
export function studentQuantile(probability: number, freedom: number): number {
  let high = 1;
  while (studentWithin(high, freedom) < probability) high *= 2;
  return inverse(t => studentWithin(t, freedom), probability, 0, high);
}

/** P(X <= k) of a binomial with n trials of probability p. */
export const binomialBelow = (k: number, n: number, p: number): number => (k < 0 ? 0 : k >= n ? 1 : incompleteBeta(1 - p, n - k, k + 1));
