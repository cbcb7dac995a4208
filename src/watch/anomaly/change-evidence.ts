/**
 * Bayesian online change-point detection (Adams and MacKay 2007) with a declared run length: for each of the latest moments, how much better normal values with a
 * mean and variance of their own explain what came since than standard normal ones do. A product of predictive densities over those of the usual values has
 * mean 1 while nothing has changed, so the sum over all moments is an e-detector: it needs as many values as its limit at least, on average, to reach it (Shin,
 * Ramdas and Rinaldo 2023). It sees what charts of the mean do not: values that scatter more, or less.
 */
import { logGamma } from "../../statistics/index.ts";

/** What is believed of the values after a change: mean 0 worth a quarter of a value, variance 1 worth two. */
const prior = { weight: 0.25, shape: 1, scale: 1 } as const;
/** Numbers of one moment: log of the ratio, mean, scale; weight and shape follow from how long ago it was. */
const numbersAMoment = 3;

const logNormal = (x: number): number => -0.5 * (Math.log(2 * Math.PI) + x * x);

/** Log density of Student's t with `freedom` degrees, place and squared scale. */
const logStudent = (x: number, freedom: number, place: number, squaredScale: number): number =>
  logGamma((freedom + 1) / 2) -
  logGamma(freedom / 2) -
  0.5 * Math.log(freedom * Math.PI * squaredScale) -
  ((freedom + 1) / 2) * Math.log1p((x - place) ** 2 / (squaredScale * freedom));

/** The state after a value: numbers of the latest `window` moments, the newest first. */
export function changeSums(state: readonly number[], value: number, window: number): number[] {
  const moments = Math.min(window - 1, state.length / numbersAMoment);
  const next: number[] = [];
  for (let k = 0; k <= moments; k++) {
    // moment 0 begins with this value
    const [log, mean, scale] =
      k === 0
        ? [0, 0, prior.scale]
        : [state[numbersAMoment * (k - 1)]!, state[numbersAMoment * (k - 1) + 1]!, state[numbersAMoment * (k - 1) + 2]!];
    const [weight, shape] = [prior.weight + k, prior.shape + k / 2];
    const predictive = logStudent(value, 2 * shape, mean, (scale * (weight + 1)) / (shape * weight));
    next.push(
      log + predictive - logNormal(value),
      (weight * mean + value) / (weight + 1),
      scale + (weight * (value - mean) ** 2) / (2 * (weight + 1)),
    );
  }
  return next;
}

/** The sum over all moments, and how many values ago the likeliest one was. */
export function changeEvidence(state: readonly number[]): { readonly sum: number; readonly ago: number; readonly mean: number } {
  let [sum, best, ago] = [0, Number.NEGATIVE_INFINITY, 1];
  for (let k = 0; k < state.length / numbersAMoment; k++) {
    const log = state[numbersAMoment * k]!;
    sum += Math.exp(Math.min(log, 700));
    if (log > best) [best, ago] = [log, k + 1];
  }
  return { sum, ago, mean: state[numbersAMoment * (ago - 1) + 1] ?? 0 };
}
