/** Whether probabilities mean what they say: of items given .8, eight of ten should be right. */
import {
  reliability as binsOf,
  brier as brierOf,
  drawnCalibrationError as ofDraws,
  type Probabilities,
  type ReliabilityBin,
} from "../../statistics/index.ts";
import { evaluateErrors } from "../errors.ts";
import { sameLength } from "./confusion.ts";

export { calibrationError, type Probabilities, type ReliabilityBin } from "../../statistics/index.ts";

function checked({ positive, probability }: Probabilities): number {
  sameLength(positive.length, probability.length, "probability");
  for (let i = 0; i < probability.length; i++)
    if (!(probability[i]! >= 0 && probability[i]! <= 1))
      throw evaluateErrors.fail("score", {
        place: `probability[${i}]`,
        expected: "a number from 0 to 1",
        received: String(probability[i]),
      });
  return positive.length;
}

/**
 * Bins of a reliability plot: equal in mass (the default: quantiles, equal probabilities never parted) or in width. Errors: evaluate/empty,
 * evaluate/items, evaluate/score.
 */
export function reliabilityBins(
  data: Probabilities,
  options: { readonly bins?: number; readonly by?: "mass" | "width" } = {},
): ReliabilityBin[] {
  checked(data);
  return binsOf(data, options);
}

/** The expected calibration error of the items at some places, with repetitions: what a bootstrap asks for. Errors: as `reliabilityBins`. */
export function drawnExpectedCalibrationError(data: Probabilities): (at: ArrayLike<number>) => number {
  checked(data);
  return ofDraws(data);
}

/** Mean squared distance of probability and truth (Brier 1950). Errors: evaluate/empty, evaluate/items, evaluate/score. */
export function checkedBrier(data: Probabilities): number {
  checked(data);
  return brierOf(data);
}

/** Least probability that counts, as in scikit-learn: a sure and wrong prediction costs 36 nats, not infinity. */
const least = 2 ** -52;

/** Mean negative log probability of the truth, nats. */
export function logLoss(data: Probabilities): number {
  const n = checked(data);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const p = data.probability[i]!;
    sum -= Math.log(Math.max(least, data.positive[i] ? p : 1 - p));
  }
  return sum / n;
}

/**
 * The temperature that logits [items, classes] should be divided by so that their softmax is the least surprised by the truth (Guo et al. 2017),
 * between 1/100 and 100. Fit it on other items than those reported. The loss is convex in the inverse temperature; its slope is halved in.
 */
export function fitTemperature(logits: ArrayLike<number>, truth: ArrayLike<number>, classes: number): number {
  sameLength(truth.length * classes, logits.length, "logits");
  const slope = (inverse: number): number => {
    let sum = 0;
    for (let i = 0; i < truth.length; i++) {
      const row = i * classes;
      let greatest = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < classes; c++) greatest = Math.max(greatest, logits[row + c]!);
      let [weights, mean] = [0, 0];
      for (let c = 0; c < classes; c++) {
        const w = Math.exp(inverse * (logits[row + c]! - greatest));
        weights += w;
        mean += w * logits[row + c]!;
      }
      sum += mean / weights - logits[row + truth[i]!]!;
    }
    return sum;
  };
  let [low, high] = [Math.log(0.01), Math.log(100)];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (slope(Math.exp(middle)) < 0) low = middle;
    else high = middle;
  }
  return Math.exp(-(low + high) / 2);
}
