import fc from "fast-check";
import { expect, test } from "vitest";
import { linearTicks, logTicks, tickText } from "./ticks.ts";

const axis = fc.record({ min: fc.double({ min: 1e-6, max: 1e6, noNaN: true }), ratio: fc.double({ min: 1.01, max: 1e6, noNaN: true }) });

test("ticks lie within the axis and rise, and are no more than asked for but one", () => {
  fc.assert(
    fc.property(axis, fc.integer({ min: 3, max: 10 }), ({ min, ratio }, most) => {
      const max = min * ratio;
      const near = (max - min) * 1e-6;
      const linear = linearTicks(min, max, most);
      expect(linear.length).toBeLessThanOrEqual(most + 1);
      expect(linear.length).toBeGreaterThanOrEqual(1);
      for (const ticks of [linear, logTicks(min, max, most)])
        for (const [i, t] of ticks.entries()) {
          expect(t).toBeGreaterThanOrEqual(min - near);
          expect(t).toBeLessThanOrEqual(max + near);
          if (i > 0) expect(t).toBeGreaterThan(ticks[i - 1]!);
        }
    }),
  );
});

test("steps are round, and a logarithmic axis goes by 1, 2, 5 over decades", () => {
  expect(linearTicks(0, 10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(linearTicks(4.3, 8.1, 5)).toEqual([5, 6, 7, 8]);
  expect(logTicks(4.3, 8.1, 5)).toEqual([5, 6, 7, 8]);
  expect(logTicks(0.9, 120, 8)).toEqual([1, 2, 5, 10, 20, 50, 100]);
  expect(logTicks(1e-3, 1e3, 8)).toEqual([1e-3, 1e-2, 1e-1, 1, 10, 100, 1000]);
  expect([linearTicks(3, 3, 5), logTicks(0, 1, 5)]).toEqual([[3], []]);
});

test("a tick is seven characters at most, so that none is cut, and means its value to three digits", () => {
  expect([0, 2e-5, 4.5e-5, 0.001, 0.05, 2, 940, 12_000].map(tickText)).toEqual(["0", "2e-5", "4.5e-5", "0.001", "0.05", "2", "940", "12k"]);
  fc.assert(
    fc.property(axis, fc.integer({ min: 3, max: 6 }), ({ min, ratio }, most) => {
      // an axis from nothing, as those of rates are
      for (const t of linearTicks(0, min * ratio, most)) {
        expect(tickText(t).length).toBeLessThanOrEqual(7);
        if (t < 1000) expect(Number(tickText(t))).toBeCloseTo(t, Math.max(0, 2 - Math.floor(Math.log10(t || 1))));
      }
    }),
  );
});
