/**
 * Rényi differential privacy of the Gaussian mechanism on a Poisson sample (Mironov 2017; Mironov, Talwar & Zhang 2019). Orders that are whole numbers by
 * the closed sum; others by quadrature of the same expectation, which is exact to rounding where packages sum two series until a term is small.
 */
import { governanceErrors } from "../errors.ts";

/** A step of training: each person is drawn with `rate`, the sum of clipped gradients gets noise of `noise` x clip. */
export interface SampledGaussian {
  /** Probability to be in a step's sample. */
  readonly rate: number;
  /** Standard deviation of the noise in units of the clipping norm. */
  readonly noise: number;
}
/** The same mechanism a number of times. */
export interface PrivacySteps extends SampledGaussian {
  readonly steps: number;
}

/** Orders at which the divergence is looked at: dense where the best order of usual settings lies. */
export const renyiOrders: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
  ...Array.from({ length: 54 }, (_, i) => 11 + i),
  80,
  96,
  128,
  192,
  256,
  384,
  512,
  1024,
];

export function checkMechanism({ rate, noise }: SampledGaussian): void {
  if (rate > 0 && rate <= 1 && noise > 0 && Number.isFinite(noise)) return;
  throw governanceErrors.fail("accountant", {
    place: "privacy",
    expected: "a sampling rate in (0, 1] and a noise multiplier above 0",
    received: `rate ${rate}, noise ${noise}`,
  });
}

/** log of the sum of exponentials. */
function logSum(terms: readonly number[]): number {
  const most = terms.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return most === Number.NEGATIVE_INFINITY ? most : most + Math.log(terms.reduce((s, t) => s + Math.exp(t - most), 0));
}

/** log E[(P / Q)^a] under Q = N(0, s^2), P = (1 - q) Q + q N(1, s^2): sum over k of C(a, k) (1 - q)^(a - k) q^k e^((k^2 - k) / 2 s^2). */
function logMomentOfWhole(order: number, { rate, noise }: SampledGaussian): number {
  let binomial = 0;
  return logSum(
    Array.from({ length: order + 1 }, (_, k) => {
      if (k > 0) binomial += Math.log((order - k + 1) / k);
      return binomial + (order - k) * Math.log1p(-rate) + k * Math.log(rate) + (k * k - k) / (2 * noise * noise);
    }),
  );
}

/** The same for any order above 1, by the trapezoid rule: for analytic functions with Gaussian tails it is exact to rounding. */
function logMomentByQuadrature(order: number, { rate, noise }: SampledGaussian): number {
  const [low, high] = [-12 * noise, order + 12 * noise];
  // 16 points a deviation: the error falls as exp(-2 (pi 16)^2)
  const step = Math.min(noise, 1) / 16;
  const count = Math.ceil((high - low) / step);
  const terms = Array.from({ length: count + 1 }, (_, i) => {
    const z = low + i * step;
    const shift = (2 * z - 1) / (2 * noise * noise);
    const ratio =
      shift > 30 ? Math.log(rate) + shift + Math.log1p(((1 - rate) / rate) * Math.exp(-shift)) : Math.log1p(rate * Math.expm1(shift));
    return order * ratio - (z * z) / (2 * noise * noise);
  });
  return logSum(terms) + Math.log(step / (noise * Math.sqrt(2 * Math.PI)));
}

/** Rényi divergence of one step at an order above 1. */
export function renyiOf(order: number, mechanism: SampledGaussian): number {
  checkMechanism(mechanism);
  const { rate, noise } = mechanism;
  if (rate === 1) return order / (2 * noise * noise);
  const moment = Number.isInteger(order) ? logMomentOfWhole(order, mechanism) : logMomentByQuadrature(order, mechanism);
  return Math.max(0, moment / (order - 1));
}

/** An epsilon, and the order at which it was found. */
export interface RenyiEpsilon {
  readonly epsilon: number;
  readonly order: number;
}

/** epsilon <= rdp + log((a - 1) / a) - (log delta + log a) / (a - 1), the least over the orders (Canonne, Kamath & Steinke 2020, proposition 12). */
export function epsilonOfRenyi(divergences: readonly (readonly [order: number, rdp: number])[], delta: number): RenyiEpsilon {
  return divergences
    .map(([order, rdp]) => ({
      order,
      epsilon: Math.max(0, rdp + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1)),
    }))
    .reduce((a, b) => (b.epsilon < a.epsilon ? b : a));
}

/** Divergences of several runs of steps together, at each order. */
export const renyiCurve = (runs: readonly PrivacySteps[], orders: readonly number[] = renyiOrders): [order: number, rdp: number][] =>
  orders.map(order => [order, runs.reduce((s, r) => s + r.steps * renyiOf(order, r), 0)]);
