import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import * as c from "./index.ts";

/** Items of k classes whose probabilities lean to the truth, with ties. */
function drawn(seed: string, n: number, k: number) {
  const draw = random(seed);
  const truth = Int32Array.from({ length: n }, (_, i) => (i < k ? i : draw.below(k)));
  const probabilities = Array.from(truth, t => {
    const weights = Array.from({ length: k }, (_, j) => 1 + draw.below(6) + (j === t ? 3 : 0));
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map(w => w / sum);
  });
  return { classes: Array.from({ length: k }, (_, j) => `c${j}`), truth, probabilities };
}

test("cells add up to the items, their diagonal to the accuracy, and every point of a curve is what its threshold gives", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 8, max: 90 }), fc.integer({ min: 2, max: 4 }), (seed, n, k) => {
      const items = drawn(seed, n, k);
      const { confusion, curves } = c.classPicture(items);
      expect(confusion.reduce((s, [, , count]) => s + count, 0)).toBe(n);
      const right = items.probabilities.filter((p, i) => p.indexOf(Math.max(...p)) === items.truth[i]).length;
      expect(confusion.reduce((s, [t, p, count]) => s + (t === p ? count : 0), 0)).toBe(right);
      expect(curves).toHaveLength(k);
      for (const curve of curves) {
        const own = items.classes.indexOf(curve.positive);
        for (const [i, threshold] of curve.thresholds.entries()) {
          const taken = items.probabilities.map(p => p[own]! >= threshold - 1e-6);
          const hits = taken.filter((t, j) => t && items.truth[j] === own).length;
          expect(curve.recall[i]).toBeCloseTo(hits / curve.positives, 5);
          expect(curve.falsePositiveRate[i]).toBeCloseTo((taken.filter(Boolean).length - hits) / curve.negatives, 5);
          expect(curve.precision[i]).toBeCloseTo(hits / taken.filter(Boolean).length, 5);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("a curve of many thresholds keeps its ends, and its area by the points that are left is the true one within 0.01", () => {
  const draw = random("many");
  const truth = Int32Array.from({ length: 20_000 }, () => Number(draw.uniform() < 0.1));
  const probabilities = Array.from(truth, t => {
    const p = Math.min(1, Math.max(0, 0.3 + 0.2 * t + 0.15 * draw.normal()));
    return [1 - p, p];
  });
  const [curve] = c.classPicture({ classes: ["ham", "spam"], truth, probabilities }, "spam").curves;
  expect(curve!.positive).toBe("spam");
  expect(curve!.thresholds.length).toBeGreaterThan(50);
  expect(curve!.thresholds.length).toBeLessThan(110);
  expect([curve!.recall.at(-1), curve!.falsePositiveRate.at(-1)]).toEqual([1, 1]);
  let [area, x, y] = [0, 0, 0];
  for (const [i, r] of curve!.recall.entries()) {
    area += ((curve!.falsePositiveRate[i]! - x) * (r + y)) / 2;
    [x, y] = [curve!.falsePositiveRate[i]!, r];
  }
  expect(Math.abs(area - curve!.rocArea)).toBeLessThan(0.01);
});

test("a class that no item has, or that all have, gets no curve; only the named one gets one", () => {
  const probabilities = [
    [0.7, 0.2, 0.1],
    [0.3, 0.6, 0.1],
  ];
  const of = (truth: number[], positive?: string) =>
    c.classPicture({ classes: ["a", "b", "c"], truth: Int32Array.from(truth), probabilities }, positive).curves.map(x => x.positive);
  expect(of([0, 1])).toEqual(["a", "b"]);
  expect(of([0, 1], "b")).toEqual(["b"]);
  expect(of([0, 0])).toEqual([]);
});

test("plots go from no item to all, stay on the square, and say in numbers what they draw", () => {
  const picture = c.classPicture(drawn("plots", 60, 3));
  for (const curve of picture.curves)
    for (const plot of [c.rocPlot(curve), c.precisionRecallPlot(curve)]) {
      const numbers = plot.path.match(/-?[\d.]+/g)!.map(Number);
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...numbers)).toBeLessThanOrEqual(100);
      expect(plot.rows).toHaveLength(curve.thresholds.length);
      expect(plot.rows.every(r => r.length === plot.columns.length)).toBe(true);
    }
  expect(c.rocPlot(picture.curves[0]!).path).toMatch(/^M0 100L.*L100 0$/);
  // steps end at the last recall, whose precision is the class's share of all items
  const share = picture.curves[0]!.positives / 60;
  expect(c.precisionRecallPlot(picture.curves[0]!).path.endsWith(`V${Math.round(1000 * (1 - share)) / 10}H100`)).toBe(true);
  const { dots } = c.reliabilityPlot(picture.reliability);
  expect(dots.map(d => d.x)).toEqual(picture.reliability.bins.map(b => Math.round(1000 * b.said) / 10));
});

test("the threshold by cost is the cheapest of all there are on the items that choose, and is told on the others", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 }), (seed, falsePositive, falseNegative) => {
      const side = (name: string) => {
        const { truth, probabilities } = drawn(`${seed}${name}`, 40, 2);
        return { positive: Array.from(truth), score: probabilities.map(p => p[1]!) };
      };
      const [choosing, told] = [side("choosing"), side("told")];
      const rule = { positive: "c1", falsePositive, falseNegative };
      const report = c.thresholdReport(rule, choosing, told);
      const costAt = (items: typeof told, threshold: number) =>
        items.positive.reduce((s, p, i) => {
          const isTaken = items.score[i]! >= threshold;
          return s + (p && !isTaken ? falseNegative : !p && isTaken ? falsePositive : 0);
        }, 0) / items.positive.length;
      const [cheapest, , even] = report.rows;
      for (const t of [...choosing.score, 2]) expect(cheapest!.chosenAt).toBeLessThanOrEqual(costAt(choosing, t) + 1e-12);
      expect(cheapest!.cost).toBeCloseTo(costAt(told, cheapest!.threshold ?? 2), 12);
      expect([even!.threshold, even!.cost]).toEqual([0.5, costAt(told, 0.5)]);
      expect(report.rows.map(r => r.by)).toEqual(["cheapest", "highest F1", "a half"]);
    }),
    { numRuns: 60 },
  );
});

test("where a false alarm costs all, nothing is taken; where a miss does, everything", () => {
  const items = { positive: [0, 1, 0, 1], score: [0.9, 0.8, 0.3, 0.2] };
  const cheapest = (falsePositive: number, falseNegative: number) =>
    c.thresholdReport({ positive: "spam", falsePositive, falseNegative }, items, items).rows[0]!;
  expect(cheapest(1000, 1)).toMatchObject({ threshold: null, truePositives: 0, falsePositives: 0, cost: 0.5 });
  expect(cheapest(1, 1000)).toMatchObject({ truePositives: 2, falsePositives: 2, cost: 0.5 });
});
