import { expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { random } from "../base/index.ts";
import { curveOf, rocArea, rocAreaInterval } from "./index.ts";

test("at an area of a half the interval ends where the test of Mann and Whitney has p = 0.05", () => {
  for (const [m, n] of [
    [10, 12],
    [40, 40],
    [7, 300],
  ] as const) {
    // the deviation of U / (m n) where neither side is higher (Mann & Whitney 1947): sqrt((m + n + 1) / (12 m n))
    const edge = 0.5 + 1.959963984540054 * Math.sqrt((m + n + 1) / (12 * m * n));
    expect(rocAreaInterval(Math.min(1, edge), m, n).low).toBeCloseTo(0.5, 9);
  }
});

test("the interval holds the area, is mirrored with it, and has width at 0 and 1", () => {
  for (const area of [0, 0.03, 0.5, 0.81, 1]) {
    const { low, high } = rocAreaInterval(area, 20, 30);
    const mirrored = rocAreaInterval(1 - area, 20, 30);
    expect(low).toBeLessThanOrEqual(area);
    expect(high).toBeGreaterThanOrEqual(area);
    expect(high - low).toBeGreaterThan(0.05);
    expect(mirrored.low).toBeCloseTo(1 - high, 9);
  }
});

test.each([
  [0, 0.5],
  [1, 0.7602],
  [2, 0.9214],
])("normal scores that lie %f deviations apart have their area (%f) within the interval in some 95 of 100 samples", (shift, area) => {
  const r = random(`coverage ${shift}`);
  const most = rounds(600, 200);
  let held = 0;
  for (let i = 0; i < most; i++) {
    const positive = Array.from({ length: 55 }, (_, k) => k < 25);
    const score = positive.map(p => r.normal() + (p ? shift : 0));
    const { low, high } = rocAreaInterval(rocArea(curveOf({ positive, score })), 25, 30);
    if (low <= area && area <= high) held++;
  }
  expect(held / most).toBeGreaterThan(0.9);
  expect(held / most).toBeLessThan(0.995);
});

test("an area that is none and a side without an item are refused", () => {
  expect(() => rocAreaInterval(1.2, 5, 5)).toThrow(/area/);
  expect(() => rocAreaInterval(0.5, 0, 5)).toThrow(/items/);
});
