import fc from "fast-check";
import { expect, test } from "vitest";
import { distributionOf, placeIn } from "./distribution.ts";

const values = fc.array(
  fc.oneof(fc.nat(40), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e9 }), fc.constant(Number.NaN)),
  {
    minLength: 1,
  },
);

test("every number is in one bin, edges rise, and a threshold is between them", () => {
  fc.assert(
    fc.property(
      values,
      fc.integer({ min: 2, max: 60 }),
      fc.option(fc.double({ min: -50, max: 50, noNaN: true }), { nil: undefined }),
      (v, n, t) => {
        const d = distributionOf(v, n, t);
        const numbers = v.filter(Number.isFinite);
        expect(d === undefined).toBe(numbers.length === 0);
        if (numbers.length === 0) return;
        expect(d!.bins.reduce((a, b) => a + b, 0)).toBe(numbers.length);
        expect(d!.edges.length).toBe(d!.bins.length + 1);
        for (const [i, e] of d!.edges.slice(1).entries()) expect(e).toBeGreaterThanOrEqual(d!.edges[i]!);
        if (t !== undefined) {
          expect(d!.edges[0]).toBeLessThanOrEqual(t + 1e-9);
          expect(d!.edges.at(-1)).toBeGreaterThanOrEqual(t - 1e-9);
        }
        expect([d!.least, d!.most]).toEqual([Math.min(...numbers), Math.max(...numbers)]);
      },
    ),
  );
});

test("a bin holds exactly the values between its edges, for whole numbers, shares and long tails", () => {
  const sets = [
    Array.from({ length: 300 }, (_, i) => i % 7),
    Array.from({ length: 300 }, (_, i) => (i * 37) % 100),
    Array.from({ length: 300 }, (_, i) => Math.floor(1.03 ** i)),
  ];
  for (const set of sets) {
    const d = distributionOf(set, 20)!;
    const counted = d.bins.map(
      (_, i) => set.filter(v => (v >= d.edges[i]! - 1e-9 || i === 0) && (v < d.edges[i + 1]! - 1e-9 || i === d.bins.length - 1)).length,
    );
    const wrong = counted.reduce((sum, c, i) => sum + Math.abs(c - d.bins[i]!), 0);
    // Rounding may put a value that stands on an edge on either side.
    expect(wrong).toBeLessThanOrEqual(4);
  }
  expect(distributionOf(sets[2]!, 20)!.scale).toBe("log");
  expect(distributionOf(sets[0]!, 20)!.bins.length).toBe(7);
});

test("a value's place runs from 0 to 1 with the value", () => {
  const d = distributionOf(
    Array.from({ length: 300 }, (_, i) => 1.05 ** i),
    30,
  )!;
  const places = [0, 1, 10, 1000, 1e9].map(v => placeIn(d, v));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect([placeIn(d, d.edges[0]!), placeIn(d, d.edges.at(-1)!)]).toEqual([0, 1]);
});
