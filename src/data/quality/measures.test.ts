import fc from "fast-check";
import { expect, test } from "vitest";
import { areaUnderCurve, brierScore, decisionsAt, qualityCalibrationError } from "./measures.ts";

const scored = fc.array(fc.record({ score: fc.integer({ min: 0, max: 10 }).map(x => x / 10), isGood: fc.boolean() }), {
  minLength: 2,
  maxLength: 40,
});

test("the area under the curve is the share of pairs in the right order, ties half", () => {
  fc.assert(
    fc.property(scored, list => {
      const [good, bad] = [list.filter(s => s.isGood), list.filter(s => !s.isGood)];
      fc.pre(good.length > 0 && bad.length > 0);
      let right = 0;
      for (const g of good) for (const b of bad) right += g.score > b.score ? 1 : g.score === b.score ? 0.5 : 0;
      expect(areaUnderCurve(list)).toBeCloseTo(right / (good.length * bad.length), 10);
    }),
  );
});

test("a worked example: four texts by hand", () => {
  const list = [
    { score: 0.9, isGood: true },
    { score: 0.6, isGood: false },
    { score: 0.4, isGood: true },
    { score: 0.1, isGood: false },
  ];
  expect(decisionsAt(list)).toEqual({ accuracy: 0.5, precision: 0.5, recall: 0.5, f1: 0.5 });
  expect(areaUnderCurve(list)).toBe(0.75);
  expect(brierScore(list)).toBeCloseTo((0.01 + 0.36 + 0.36 + 0.01) / 4, 12);
  expect(qualityCalibrationError(list)).toBeCloseTo((0.1 + 0.6 + 0.6 + 0.1) / 4, 12);
});

test("scores that come true have no calibration error; nothing said good is precision 0, not NaN", () => {
  const list = Array.from({ length: 100 }, (_, i) => ({ score: i < 50 ? 0.2 : 0.8, isGood: i < 50 ? i % 5 === 0 : i % 5 !== 0 }));
  expect(qualityCalibrationError(list)).toBeCloseTo(0, 12);
  expect(decisionsAt(list, 0.99)).toEqual({ accuracy: 0.5, precision: 0, recall: 0, f1: 0 });
});
