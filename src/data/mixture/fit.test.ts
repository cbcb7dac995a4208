import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { allot, fill, fitMargins, type ShareBound } from "./fit.ts";

const sum = (x: ArrayLike<number>) => Array.from(x).reduce((a, b) => a + b, 0);
const divergence = (x: Float64Array, target: Float64Array, total: number) =>
  x.reduce((s, v, i) => s + (v > 0 ? (v / total) * Math.log(v / total / target[i]!) : 0), 0);
const shares = (draw: ReturnType<typeof random>, n: number) => {
  const x = Float64Array.from({ length: n }, () => 0.05 + draw.uniform());
  return x.map(v => v / sum(x));
};

test("fill: what is below its cap is in one proportion to what was wanted, the rest is at its cap", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 12 }), fc.double({ min: 0.01, max: 3, noNaN: true }), (seed, n, of) => {
      const draw = random(seed);
      const wanted = shares(draw, n);
      const caps = Float64Array.from({ length: n }, () => draw.uniform() * 10);
      const total = of * sum(caps);
      const x = fill(wanted, caps, total);
      expect(sum(x)).toBeCloseTo(Math.min(total, sum(caps)), 9);
      const scale = Math.max(...x.map((v, i) => (v < caps[i]! * (1 - 1e-12) ? v / wanted[i]! : 0)));
      x.forEach((v, i) => {
        expect(v).toBeLessThanOrEqual(caps[i]!);
        expect(v).toBeCloseTo(scale > 0 ? Math.min(caps[i]!, scale * wanted[i]!) : caps[i]!, 8);
      });
    }),
  );
});

test("allot: no amounts that obey the same caps and bounds are nearer to the target", () => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const draw = random(seed);
      const n = 4 + draw.below(6);
      const [target, other] = [shares(draw, n), shares(draw, n)];
      const total = 1000;
      // Bounds around amounts that exist, so that something obeys them all.
      const inside = shares(draw, n).map(v => v * total);
      const caps = inside.map(v => v * (1 + 2 * draw.uniform()));
      const bounds = Array.from({ length: 1 + draw.below(4) }, (): ShareBound => {
        const cells = Array.from({ length: n }, (_, c) => c).filter(() => draw.uniform() < 0.4);
        const have = cells.reduce((s, c) => s + inside[c]!, 0);
        return { cells, min: have * (0.5 + 0.5 * draw.uniform()), max: have * (1 + 0.5 * draw.uniform()) };
      });
      const [{ amounts, broken }, apart] = [allot(target, caps, total, bounds), allot(other, caps, total, bounds)];
      expect([broken, apart.broken]).toEqual([undefined, undefined]);
      expect(sum(amounts)).toBeCloseTo(total, 6);
      amounts.forEach((v, c) => {
        expect(v).toBeLessThanOrEqual(caps[c]! * (1 + 1e-12));
      });
      // Towards any other amounts that obey (a convex set), the divergence only grows.
      for (const towards of [1, 0.1, 0.01])
        for (const point of [apart.amounts, inside])
          expect(
            divergence(
              amounts.map((v, c) => v + towards * (point[c]! - v)),
              target,
              total,
            ),
          ).toBeGreaterThanOrEqual(divergence(amounts, target, total) - 1e-6);
    }),
    // Where bounds meet at a sharp angle: alternating projections were not there after 5,000 rounds.
    { numRuns: 60, examples: [[-172921307], [9333390], [11344816], [57568019]] },
  );
});

test("allot: bounds that contradict one another are named, not run after without end", () => {
  const half = Float64Array.of(0.5, 0.5);
  const low = [0, 1].map(c => ({ cells: [c], min: 0, max: 10 }));
  expect(allot(half, Float64Array.of(400, 400), 100, low).broken).toBeDefined();
  const both = [
    { cells: [0], min: 80, max: 100 },
    { cells: [0], min: 0, max: 20 },
  ];
  expect(allot(half, Float64Array.of(400, 400), 100, both).broken).toBeDefined();
});

test("fitMargins: both margins hold and every odds ratio of the start is kept", () => {
  const start = Float64Array.of(4, 1, 2, 6);
  const margins = [
    [
      { cells: [0, 1], share: 0.3 },
      { cells: [2, 3], share: 0.7 },
    ],
    [
      { cells: [0, 2], share: 0.6 },
      { cells: [1, 3], share: 0.4 },
    ],
  ];
  const x = fitMargins(start, margins);
  for (const m of margins) for (const { cells, share } of m) expect(cells.reduce((s, c) => s + x[c]!, 0)).toBeCloseTo(share, 9);
  expect((x[0]! * x[3]!) / (x[1]! * x[2]!)).toBeCloseTo(12, 6);
});
