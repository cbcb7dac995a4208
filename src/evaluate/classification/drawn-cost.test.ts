/** The cost of a draw beside the plain way to it: a curve, its cheapest threshold, and what that costs others. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { drawnCost, type ScoredOutcomes, thresholdReport } from "./index.ts";

const at = ({ positive, score }: ScoredOutcomes, items: readonly number[]): ScoredOutcomes => ({
  positive: items.map(i => positive[i]!),
  score: items.map(i => score[i]!),
});

test("the cost of any draw is what the report of that draw's items tells, also where scores are equal", () => {
  const draw = random("draws");
  const scored = (n: number, levels: number): ScoredOutcomes => {
    const positive = Array.from({ length: n }, () => draw.uniform() < 0.4);
    return { positive, score: positive.map(p => Math.round(levels * (draw.uniform() + (p ? 0.3 : 0))) / levels) };
  };
  let [taken, none] = [0, 0];
  for (let round = 0; round < 300; round++) {
    const rule = { positive: "spam", falsePositive: draw.below(4), falseNegative: 1 + draw.below(4) };
    const [told, choosing] = [scored(1 + draw.below(30), 8), scored(2 + draw.below(20), round % 2 ? 4 : 1000)];
    const [n, m] = [told.score.length, choosing.score.length];
    const items = { told: Array.from({ length: n }, () => draw.below(n)), choosing: Array.from({ length: m }, () => draw.below(m)) };
    const cost = drawnCost(rule, told, choosing)([...items.told, ...items.choosing.map(i => n + i)]);
    const chose = at(choosing, items.choosing);
    if (new Set(Array.from(chose.positive)).size === 1) {
      none++;
      expect(cost).toBeNaN();
      continue;
    }
    taken++;
    expect(cost).toBeCloseTo(thresholdReport(rule, chose, at(told, items.told)).rows[0]!.cost, 12);
  }
  expect(taken).toBeGreaterThan(200);
  expect(none).toBeGreaterThan(0);
});

test("no told item, no cost", () => {
  const choosing = { positive: [true, false], score: [0.7, 0.2] };
  expect(drawnCost({ falsePositive: 1, falseNegative: 1 }, { positive: [true], score: [1] }, choosing)([1, 2])).toBeNaN();
});
