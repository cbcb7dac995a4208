import { expect, test } from "vitest";
import { type ModelPart, modelPart, recipeSchema } from "./part.ts";
import { readRates } from "./rate-range.ts";
import { tokensPerStep } from "./recipe.ts";
import { ladderRuns, ladderSizes } from "./scale-ladder.ts";

const part = (over: Partial<ModelPart> = {}) => modelPart.parse({ layers: 6, width: 384, heads: 6, context: 256, hidden: 1536, ...over });
const recipe = recipeSchema.parse({ tokens: "4M", length: 256, rows: 8, rate: 0.02, schedule: { warmup: 20 }, patience: 3 });

test("sizes are smaller than the model, distinct, and keep its head size and proportions", () => {
  for (const model of [
    part(),
    part({ layers: 3, heads: 3, width: 192 }),
    part({ layers: 2, heads: 8, kvHeads: 2 }),
    part({ layers: 12, heads: 12, width: 768 }),
  ]) {
    const sizes = ladderSizes(model);
    expect(sizes.length).toBeGreaterThanOrEqual(2);
    expect(new Set(sizes.map(s => `${s.layers} ${s.width}`)).size).toBe(sizes.length);
    for (const s of sizes) {
      expect(s.layers * s.width).toBeLessThan(model.layers * model.width);
      expect(s.width / s.heads).toBe(model.width / model.heads);
      expect(Math.abs(s.hidden! / s.width - model.hidden! / model.width)).toBeLessThan(0.1);
      if (model.kvHeads !== undefined) expect(s.heads / s.kvHeads!).toBe(model.heads / model.kvHeads);
    }
  }
  expect(() => ladderSizes(part({ layers: 1, heads: 1 }))).toThrow(/three heads.*1 layers, 1 heads/s);
});

test("the runs of a ladder stay within the budget, have whole schedules of their own, and are at most as long as the recipe", () => {
  const perToken = [1e-5, 3e-5];
  for (const seconds of [60, 200, 1e6]) {
    const runs = ladderRuns(recipe, perToken, seconds);
    expect(runs.length).toBe(8);
    expect(runs.reduce((s, r) => s + r.recipe.tokens * perToken[r.size]!, 0)).toBeLessThanOrEqual(seconds);
    for (const r of runs) {
      expect(r.recipe.tokens % tokensPerStep(recipe)).toBe(0);
      expect(r.recipe.tokens).toBeLessThanOrEqual(recipe.tokens);
      expect(r.recipe.schedule.warmup).toBe(Math.round((20 * r.recipe.tokens) / recipe.tokens));
      expect(r.recipe.patience).toBe(0);
    }
  }
  expect(() => ladderRuns(recipe, perToken, 1)).toThrow(/seconds.*at least \d+ processor seconds.*20 steps/s);
});

test("a rate range names the rate of the steepest fall and the rate of the least loss, and none where the loss never fell", () => {
  const points = (loss: (x: number) => number) =>
    Array.from({ length: 100 }, (_, i) => {
      const x = -4 + (4 * i) / 99;
      return { step: i + 1, rate: 10 ** x, loss: loss(x), smoothed: loss(x) };
    });
  // falls as a step around 1e-2.5, rises from 1e-1.5 on
  const found = readRates(points(x => 8 - 2 / (1 + Math.exp(-5 * (x + 2.5))) + Math.max(0, x + 1.5)));
  expect(Math.log10(found.steepest)).toBeCloseTo(-2.5, 0);
  expect(Math.log10(found.least)).toBeCloseTo(-1.5, 0);
  expect(found.suggested).toBeCloseTo(Math.sqrt(found.steepest * found.least), 12);
  expect(readRates(points(x => 8 + x / 10)).suggested).toBeUndefined();
});
