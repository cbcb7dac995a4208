import fc from "fast-check";
import { expect, test } from "vitest";
import { barsOf, bucketsOf, quantile } from "./histogram.ts";

const bounds = [1, 2, 5, 10, 20];
/** Prometheus text as its clients write it, for two models. */
const text = (values: readonly number[], name = "wait_seconds") =>
  ["a", "b"]
    .flatMap((model, m) => {
      const own = values.filter((_, i) => i % 2 === m);
      const lines = bounds.map(b => `${name}_bucket{le="${b}",model="${model}"} ${own.filter(v => v <= b).length}`);
      return [...lines, `${name}_bucket{model="${model}",le="+Inf"} ${own.length}`, `${name}_sum{model="${model}"} 1`];
    })
    .join("\n");

test("a quantile lies in the bucket of the value that has this rank, over all labels", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 19.9, noNaN: true }), { minLength: 1 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, q) => {
        const truth = values.toSorted((a, b) => a - b)[Math.ceil(q * values.length - 1e-9) - 1]!;
        const upper = bounds.find(b => truth <= b)!;
        const lower = bounds[bounds.indexOf(upper) - 1] ?? 0;
        const found = quantile(bucketsOf(text(values), "wait_seconds"), q)!;
        expect(found).toBeGreaterThanOrEqual(lower - 1e-9);
        expect(found).toBeLessThanOrEqual(upper + 1e-9);
      },
    ),
  );
});

test("values that fill a bucket evenly give the exact quantile", () => {
  const even = Array.from({ length: 1000 }, (_, i) => 5 + (5 * (i + 1)) / 1000);
  expect(quantile(bucketsOf(text(even), "wait_seconds"), 0.5)).toBeCloseTo(7.5, 9);
});

test("nothing measured is null, and beyond the last bound only the bound is known", () => {
  expect(quantile(bucketsOf(text([]), "wait_seconds"), 0.5)).toBeNull();
  expect(quantile(bucketsOf("", "wait_seconds"), 0.5)).toBeNull();
  expect(quantile(bucketsOf(text([100, 100]), "wait_seconds"), 0.5)).toBe(20);
});

test("of one version only its own values count", () => {
  expect(quantile(bucketsOf(text([3, 15]), "wait_seconds", "a"), 1)).toBe(5);
  expect(quantile(bucketsOf(text([3, 15]), "wait_seconds", "b"), 1)).toBe(20);
  expect(bucketsOf(text([3, 15]), "wait_seconds", "c")).toEqual([]);
});

test("bars are what lies between bounds, without the empty ends", () => {
  expect(barsOf(bucketsOf(text([3, 4, 15]), "wait_seconds"))).toEqual([
    { from: 2, to: 5, count: 2 },
    { from: 5, to: 10, count: 0 },
    { from: 10, to: 20, count: 1 },
  ]);
  expect(barsOf(bucketsOf(text([]), "wait_seconds"))).toEqual([]);
});

test("another metric whose name only begins alike is another metric", () => {
  expect(bucketsOf(text([3], "wait_seconds_more"), "wait_seconds")).toEqual([]);
});
