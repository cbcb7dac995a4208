import fc from "fast-check";
import { expect, test } from "vitest";
import { besideTrain, byLossUnit, csvOf, lowestOf, smoothed, smoothingOf } from "./curves.ts";

const column = fc.array(fc.option(fc.integer({ min: -1000, max: 1000 }), { nil: null }), { maxLength: 40 });
const weight = fc.double({ min: 0, max: 0.99, noNaN: true });

test("smoothing keeps a constant from its first value on, and weight 0 changes nothing", () => {
  fc.assert(
    fc.property(fc.integer({ min: -100, max: 100 }), fc.integer({ min: 1, max: 30 }), weight, (value, n, w) => {
      for (const v of smoothed(Array<number>(n).fill(value), w)) expect(v).toBeCloseTo(value, 9);
    }),
  );
  fc.assert(fc.property(column, values => void expect(smoothed(values, 0)).toEqual(values)));
});

test("a smoothed value lies between the least and the greatest, and gaps stay gaps", () => {
  fc.assert(
    fc.property(column, weight, (values, w) => {
      const seen = values.filter(x => x !== null);
      for (const [i, v] of smoothed(values, w).entries()) {
        expect(v === null).toBe(values[i] === null);
        if (v === null) continue;
        expect(v).toBeGreaterThanOrEqual(Math.min(...seen) - 1e-6);
        expect(v).toBeLessThanOrEqual(Math.max(...seen) + 1e-6);
      }
    }),
  );
});

test("smoothing does not lag: backwards it is the same curve backwards", () => {
  fc.assert(
    fc.property(column, weight, (values, w) => {
      const there = smoothed(values, w);
      const back = smoothed(values.toReversed(), w).toReversed();
      for (const [i, v] of there.entries()) expect(back[i]).toEqual(v === null ? null : expect.closeTo(v, 6));
    }),
  );
});

test("smoothing takes noise away: the weighted mean of an alternation is near its middle", () => {
  for (const v of smoothed(
    Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 1 : -1)),
    0.9,
  ))
    expect(Math.abs(v!)).toBeLessThan(0.11);
});

test("the lowest passes over gaps, and nothing has none", () => {
  expect([lowestOf([3, null, 1, 2]), lowestOf([null]), lowestOf([])]).toEqual([1, null, null]);
});

test("CSV has a line a point and an empty field for what was not measured", () => {
  const point = { step: 4, tokens: 100, loss: 2.5, heldOut: null, learningRate: 0.001, tokensPerSecond: 9, gradientNorm: 0 };
  expect(csvOf([point])).toBe("step,tokens,loss,heldOut,learningRate,tokensPerSecond,gradientNorm\n4,100,2.5,,0.001,9,0\n");
});

test("a short run is not smoothed, a long one more the longer it is", () => {
  expect([0, 1, 60].map(smoothingOf)).toEqual([0, 0, 0]);
  const weights = [61, 100, 1000, 100_000].map(smoothingOf);
  expect(weights).toEqual(weights.toSorted((a, b) => a - b));
  expect(weights.every(w => w > 0 && w < 1)).toBe(true);
});

test("the losses of a tuning are of the part that selects, in the units of its task", () => {
  expect(["train", "tune-classify", "tune-instruct-merged"].map(besideTrain)).toEqual(["held out", "validation", "validation"]);
  // runs whose losses have other units are on axes of their own
  expect([...byLossUnit(["token", "text", "token", "anchor"].map(of => ({ lossUnit: `nats per ${of}` })))]).toEqual([
    ["nats per token", [0, 2]],
    ["nats per text", [1]],
    ["nats per anchor", [3]],
  ]);
});
