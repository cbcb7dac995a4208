/** Intervals of calibration errors: how often they miss the truth in simulated samples, on both sides, and what leaves nothing known. */
import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { calibrationErrorInterval, calibrationInterval } from "./calibration-interval.ts";
import { calibrationError, reliability } from "./reliability.ts";

/** Probabilities that are uniform; what is seen comes `off` more often below .9. */
function sample(n: number, off: number, seed: number) {
  const draw = random(seed);
  const probability = Float64Array.from({ length: n }, () => draw.uniform());
  const positive = probability.map(p => Number(draw.uniform() < (p < 0.9 ? p + off : p)));
  return { positive, probability };
}

test("intervals of an expected calibration error hold the truth: BCa left out the 0 of a calibrated model in each of 60 samples", () => {
  for (const n of [50, 200])
    for (const off of [0, 0.1]) {
      const rounds = 100;
      const truth = off * 0.9;
      let [above, below] = [0, 0];
      for (let round = 0; round < rounds; round++) {
        const { low, high } = calibrationErrorInterval(sample(n, off, round), { bins: 10, draws: 200, seed: round });
        if (low > truth) above++;
        if (high < truth) below++;
      }
      expect([n, off, above < 8, below < 8]).toEqual([n, off, true, true]);
    }
});

test("the interval holds the error of the sample, that of a large one leaves out 0, and clusters widen it", () => {
  const data = sample(2000, 0.1, 1);
  const error = calibrationError(reliability(data));
  const alone = calibrationErrorInterval(data, { draws: 200 });
  expect(alone.low).toBeGreaterThan(0);
  expect(alone.low).toBeLessThan(error);
  expect(alone.high).toBeGreaterThan(error);
  // each item five times
  const five = <T>(list: ArrayLike<T>): T[] => Array.from(list).flatMap(x => [x, x, x, x, x]);
  const copies = { positive: five(data.positive.subarray(0, 400)), probability: five(data.probability.subarray(0, 400)) };
  const clusters = Array.from({ length: 2000 }, (_, i) => Math.floor(i / 5));
  const own = calibrationErrorInterval(copies, { draws: 200, clusters });
  const taken = calibrationErrorInterval(copies, { draws: 200 });
  expect(own.high - own.low).toBeGreaterThan(1.5 * (taken.high - taken.low));
});

test("one stratum of a single cluster has no interval", () => {
  const one = { groupOf: [0, 0, 1], binOf: [0, 0, 0], residual: [0.2, -0.1, 0.3] };
  expect(calibrationInterval([one], { groups: 2, bins: 1, strata: [0, 0, 1], draws: 20 })).toEqual({ low: Number.NaN, high: Number.NaN });
});
