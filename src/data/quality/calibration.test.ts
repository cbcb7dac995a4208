import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { calibratedQuality, isotonicCalibration, type LabelledMargin, plattCalibration } from "./calibration.ts";
import { logistic } from "./logistic.ts";
import { qualityCalibrationError } from "./measures.ts";

/** Margins three times too sure of themselves, with good and bad in another proportion. */
function overconfident(n: number, seed: number): LabelledMargin[] {
  const draw = random(seed);
  return Array.from({ length: n }, () => {
    const margin = 2 * draw.normal();
    return { margin: 3 * margin, isGood: draw.uniform() < logistic(margin - 1) };
  });
}

test("Platt's sigmoid finds what bent the margins", () => {
  const found = plattCalibration(overconfident(40_000, 1));
  expect(found.kind === "platt" && Math.abs(found.slope - 1 / 3)).toBeLessThan(0.02);
  expect(found.kind === "platt" && Math.abs(found.shift + 1)).toBeLessThan(0.05);
});

test("both make scores that come true on other texts", () => {
  const [learnt, others] = [overconfident(5000, 2), overconfident(5000, 3)];
  const error = (score: (margin: number) => number) =>
    qualityCalibrationError(others.map(o => ({ score: score(o.margin), isGood: o.isGood })));
  const before = error(logistic);
  for (const make of [plattCalibration, isotonicCalibration]) {
    const calibration = make(learnt);
    expect(error(m => calibratedQuality(calibration, m))).toBeLessThan(before / 4);
  }
});

test("the staircase is the rising one nearest to the truths: no other does better on them", () => {
  fc.assert(
    fc.property(
      fc
        .uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 7 })
        .chain(xs =>
          fc.tuple(fc.constant(xs.sort((a, b) => a - b)), fc.array(fc.boolean(), { minLength: xs.length, maxLength: xs.length })),
        ),
      ([xs, truths]) => {
        // The best rising sequence by trying all values that a mean of neighbours can have.
        const values = new Set<number>();
        for (let i = 0; i < truths.length; i++)
          for (let j = i; j < truths.length; j++) values.add(truths.slice(i, j + 1).filter(Boolean).length / (j - i + 1));
        const levels = [...values].sort((a, b) => a - b);
        let costs = levels.map(() => 0);
        for (const t of truths) {
          let least = Number.POSITIVE_INFINITY;
          costs = levels.map((v, k) => {
            least = Math.min(least, costs[k]!);
            return least + (v - Number(t)) ** 2;
          });
        }
        const found = isotonicCalibration(xs.map((margin, i) => ({ margin, isGood: truths[i]! })));
        if (found.kind !== "isotonic") throw new Error(found.kind);
        expect(found.scores).toEqual([...found.scores].sort((a, b) => a - b));
        // Cost of the blocks themselves, each example at the block it fell into: blocks' means are their scores.
        let cost = 0;
        let at = 0;
        for (const [b, score] of found.scores.entries()) {
          let [n, sum] = [0, 0];
          while (at < xs.length && (n === 0 || sum / n < found.margins[b]! - 1e-9 || sum / n > found.margins[b]! + 1e-9)) {
            sum += xs[at]!;
            n++;
            cost += (score - Number(truths[at++]!)) ** 2;
          }
        }
        expect(cost).toBeCloseTo(Math.min(...costs), 9);
      },
    ),
    { numRuns: 300 },
  );
});

test("a score never falls as the margin rises, and lies in 0 to 1, for the largest margins too", () => {
  for (const make of [plattCalibration, isotonicCalibration]) {
    const calibration = make(overconfident(300, 4));
    let before = 0;
    for (const margin of [-1e300, -50, -3, -1, 0, 0.5, 1, 4, 60, 1e300]) {
      const score = calibratedQuality(calibration, margin);
      expect(score).toBeGreaterThanOrEqual(before);
      expect(score).toBeLessThanOrEqual(1);
      before = score;
    }
  }
  // All of one kind, or all at one place: still numbers.
  for (const margins of [[{ margin: 1, isGood: true }], Array.from({ length: 9 }, (_, i) => ({ margin: 2, isGood: i < 3 }))])
    for (const make of [plattCalibration, isotonicCalibration]) expect(calibratedQuality(make(margins), 2)).toBeGreaterThan(0);
});
