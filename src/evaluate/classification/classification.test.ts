import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import * as c from "./index.ts";

interface GoldenScores extends Omit<c.ClassificationScores, "items" | "undefinedScores"> {
  readonly truth: string[];
  readonly predicted: string[];
  readonly confusion: number[][];
}
interface GoldenRanked {
  readonly positive: number[];
  readonly score: number[];
  readonly probability: number[];
  readonly rocArea: number;
  readonly averagePrecision: number;
  readonly brier: number;
  readonly logLoss: number;
}
const golden = JSON.parse(readFileSync(new URL("./golden/scikit-learn.golden.json", import.meta.url), "utf8")) as {
  readonly scores: readonly GoldenScores[];
  readonly ranked: readonly GoldenRanked[];
};
const scoresOf = (truth: readonly string[], predicted: readonly string[]) =>
  c.classificationScores(c.confusion(c.labelled(truth, predicted)));
const codeOf = (f: () => unknown) => {
  try {
    f();
  } catch (e) {
    return (e as { code?: string }).code;
  }
};

/** Every number of `want` stands in `got`, within 1e-12. */
function same(got: unknown, want: unknown, place = ""): void {
  if (typeof want === "number" && Number.isNaN(want)) expect(got, place).toBeNaN();
  else if (typeof want === "number") expect(Math.abs((got as number) - want), place).toBeLessThanOrEqual(1e-12);
  else if (typeof want === "object" && want !== null)
    for (const [key, v] of Object.entries(want)) same((got as Record<string, unknown>)[key], v, `${place}.${key}`);
  else expect(got, place).toBe(want);
}

describe("scikit-learn's values to 1e-12", () => {
  test("scores of classes", () => {
    for (const { truth, predicted, confusion, ...want } of golden.scores) {
      const table = c.confusion(c.labelled(truth, predicted));
      expect([...table.counts]).toEqual(confusion.flat());
      same(c.classificationScores(table), want);
    }
  });
  test("curves and probabilities", () => {
    for (const g of golden.ranked) {
      const curve = c.checkedCurve(g);
      same(c.rocArea(curve), g.rocArea);
      same(c.averagePrecision(curve), g.averagePrecision);
      same(c.checkedBrier(g), g.brier);
      same(c.logLoss(g), g.logLoss);
    }
  });
});

const label = fc.constantFrom("a", "b", "ä", "Z");
const pairs = fc.array(fc.tuple(label, label), { minLength: 1, maxLength: 40 });

test("scores do not depend on the order of items, nor on what classes are called", () => {
  fc.assert(
    fc.property(pairs, fc.nat(), (list, seed) => {
      const sides = (l: typeof list) => [l.map(p => p[0]), l.map(p => p[1])] as const;
      const shuffled = [...random(seed).permutation(list.length)].map(i => list[i]!);
      expect(scoresOf(...sides(shuffled))).toEqual(scoresOf(...sides(list)));
      const renamed = list.map(([t, p]) => [`class ${t}`, `class ${p}`] as [string, string]);
      const { classes: _c, undefinedScores: _u, ...figures } = scoresOf(...sides(list));
      same(scoresOf(...sides(renamed as typeof list)), figures);
    }),
  );
});

test("a quotient 0 / 0 is named, not hidden in a zero", () => {
  expect(scoresOf(["ham", "spam"], ["ham", "ham"]).undefinedScores).toEqual(["precision of spam"]);
  expect(scoresOf(["ham", "ham"], ["ham", "spam"]).undefinedScores).toEqual(["recall of spam"]);
});

test("the ROC area is how often a positive item has the higher score", () => {
  const item = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 6 }));
  fc.assert(
    fc.property(fc.array(item, { minLength: 2, maxLength: 25 }), list => {
      const [up, down] = [list.filter(([p]) => p), list.filter(([p]) => !p)];
      fc.pre(up.length > 0 && down.length > 0);
      let won = 0;
      for (const [, a] of up) for (const [, b] of down) won += a > b ? 1 : a === b ? 0.5 : 0;
      const curve = c.checkedCurve({ positive: list.map(([p]) => p), score: list.map(([, s]) => s) });
      same(c.rocArea(curve), won / (up.length * down.length));
      const least = Math.min(
        ...[Number.POSITIVE_INFINITY, ...list.map(([, s]) => s)].map(t => list.filter(([p, s]) => (s >= t ? !p : p)).length),
      );
      same(c.cheapestThreshold(curve).cost, least / list.length);
    }),
  );
});

test("costs move the threshold", () => {
  const curve = c.checkedCurve({ positive: [1, 0, 1, 0, 0, 1], score: [0.9, 0.8, 0.7, 0.6, 0.4, 0.3] });
  expect(c.cheapestThreshold(curve, { falsePositive: 10, falseNegative: 1 }).threshold).toBe(0.9);
  expect(c.cheapestThreshold(curve, { falsePositive: 0.1, falseNegative: 1 }).threshold).toBe(0.3);
  expect(c.cheapestThreshold(curve, { falsePositive: 1, falseNegative: 0 }).threshold).toBe(Number.POSITIVE_INFINITY);
  expect(c.bestF1Threshold(curve)).toMatchObject({ threshold: 0.7, f1: 2 / 3 });
});

test("what is calibrated has a small error, what is not has the error that it was given", () => {
  const draw = random(8);
  const probability = Array.from({ length: 20_000 }, () => draw.uniform());
  const positive = probability.map(p => draw.uniform() < p);
  for (const by of ["mass", "width"] as const) {
    const bins = c.reliabilityBins({ positive, probability }, { by });
    expect(bins.reduce((n, b) => n + b.items, 0)).toBe(20_000);
    expect(bins).toHaveLength(15);
    expect(c.calibrationError(bins)).toBeLessThan(0.015);
    const shifted = c.reliabilityBins({ positive, probability: probability.map(p => p * 0.8) }, { by });
    expect(Math.abs(c.calibrationError(shifted) - 0.1)).toBeLessThan(0.015);
  }
});

test("equal probabilities are never parted", () => {
  const bins = c.reliabilityBins({ positive: [1, 0, 1, 0, 1, 0], probability: [0.5, 0.5, 0.5, 0.5, 0.5, 0.9] }, { bins: 3 });
  expect(bins.map(b => b.items)).toEqual([5, 1]);
});

test("the temperature undoes the one that logits were multiplied by", () => {
  const draw = random(9);
  for (const temperature of [0.4, 1, 3]) {
    const [logits, truth]: [number[], number[]] = [[], []];
    for (let i = 0; i < 4000; i++) {
      const row = Array.from({ length: 4 }, () => 2 * draw.normal());
      const weights = row.map(Math.exp);
      const u = draw.uniform() * weights.reduce((a, b) => a + b, 0);
      const sums = weights.map((_, i) => weights.slice(0, i + 1).reduce((a, b) => a + b, 0));
      truth.push(sums.findIndex((sum, i) => u < sum || i === 3));
      logits.push(...row.map(v => v * temperature));
    }
    expect(Math.abs(c.fitTemperature(logits, truth, 4) / temperature - 1)).toBeLessThan(0.08);
  }
});

test("lists that do not fit, no items, one class and no numbers are refused by name", () => {
  expect(codeOf(() => c.labelled(["a"], []))).toBe("evaluate/items");
  expect(codeOf(() => c.labelled([], []))).toBe("evaluate/empty");
  expect(codeOf(() => c.checkedCurve({ positive: [1, 1], score: [1, 2] }))).toBe("evaluate/classes");
  expect(codeOf(() => c.checkedCurve({ positive: [1, 0], score: [1, Number.NaN] }))).toBe("evaluate/score");
  expect(codeOf(() => c.checkedBrier({ positive: [1], probability: [1.5] }))).toBe("evaluate/score");
});
