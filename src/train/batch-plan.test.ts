import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { batchPlan } from "./batch-plan.ts";
import { type NoiseLevel, nextNoiseLevel, noiseEstimate, noiseScaleOf, suggestedRows } from "./noise-scale.ts";
import { type PretrainRecipeInput, recipeSchema } from "./part.ts";

const planOf = (over: Partial<PretrainRecipeInput>) =>
  batchPlan(recipeSchema.parse({ tokens: 1000, rows: 4, length: 10, rate: 0.01, ...over }));

test("without a ramp every step is the recipe's own batch", () => {
  const plan = planOf({ accumulate: 2 });
  expect(plan.steps).toBe(13);
  expect(plan.rowsAt(0)).toEqual([4, 4]);
  expect(plan.rateFactorAt(3)).toBe(1);
  expect(plan.tokensBefore(13)).toBe(1040);
});

test("a ramp's stages cover their fractions of the tokens, and tokens add up over steps", () => {
  const r = random("ramps");
  for (let i = 0; i < 30; i++) {
    const rows = 1 + r.below(8);
    const accumulate = 1 + r.below(4);
    const until = 0.1 + 0.4 * r.uniform();
    const ramp = [
      { until, rows: 1 + r.below(rows) },
      { until: until + 0.2, rows: rows * (1 + r.below(accumulate)) },
    ];
    const tokens = 5000 + r.below(50_000);
    const plan = planOf({ tokens, rows, accumulate, batch: { ramp } });
    let sum = 0;
    for (let step = 0; step < plan.steps; step++) {
      expect(plan.tokensBefore(step)).toBe(sum);
      sum += plan.rowsAt(step).reduce((a, b) => a + b, 0) * 10;
    }
    expect(plan.tokensBefore(plan.steps)).toBe(sum);
    // the last step may reach beyond
    expect(sum).toBeGreaterThanOrEqual(tokens);
    expect(sum - tokens).toBeLessThan(rows * accumulate * 10);
    const firstStage = Array.from({ length: plan.steps }, (_, s) => s).filter(s => plan.tokensBefore(s) < tokens * until);
    const rowsThere = plan.rowsAt(0).reduce((a, b) => a + b, 0);
    expect(Math.abs(firstStage.length * rowsThere * 10 - tokens * until)).toBeLessThanOrEqual(rowsThere * 10 + rows * accumulate * 10);
  }
});

test("the rate of a stage is its share of the batch to the power of the rule", () => {
  const factor = (rate: "constant" | "sqrt" | "linear") =>
    planOf({ rows: 16, batch: { ramp: [{ until: 0.5, rows: 4 }], rate } }).rateFactorAt(0);
  expect([factor("constant"), factor("sqrt"), factor("linear")]).toEqual([1, 0.5, 0.25]);
});

test("stages that do not follow one another, or do not fit the batch, are refused by name", () => {
  const fail =
    (...ramp: { until: number; rows: number }[]) =>
    () =>
      planOf({ accumulate: 2, batch: { ramp } });
  expect(fail({ until: 0.5, rows: 2 }, { until: 0.4, rows: 4 })).toThrow(/ramp\.1\.until.*above 0\.5.*0\.4/s);
  expect(fail({ until: 0.5, rows: 6 })).toThrow(/ramp\.0\.rows.*multiple/s);
  expect(fail({ until: 0.5, rows: 12 })).toThrow(/ramp\.0\.rows.*at most rows x accumulate 8.*12/s);
});

test("measuring noise halves every n-th step of one micro-batch and leaves the others", () => {
  const plan = planOf({ rows: 5, noiseScale: { every: 3 } });
  expect([0, 1, 2, 3, 4, 5].map(s => plan.rowsAt(s))).toEqual([[5], [5], [3, 2], [5], [5], [3, 2]]);
  expect(planOf({ accumulate: 3, noiseScale: {} }).rowsAt(9)).toEqual([4, 4, 4]);
});

test("the noise scale is found without bias from gradients of known mean and covariance, whatever the parts of a batch", () => {
  const r = random("noise");
  const dimensions = 20;
  // |G|^2 = 20 x 0.25, and each token's gradient has variance 9 in each dimension: the scale is 180 / 5 = 36 tokens
  for (const weights of [
    [8, 8],
    [4, 12],
    [6, 6, 6, 6],
    [10, 2, 5],
  ]) {
    let level: NoiseLevel | undefined;
    const sums = { squared: 0, trace: 0 };
    const draws = 4000;
    for (let i = 0; i < draws; i++) {
      const parts = weights.map(w => Float64Array.from({ length: dimensions }, () => 0.5 + (3 / Math.sqrt(w)) * r.normal()));
      const total = weights.reduce((a, b) => a + b, 0);
      const whole = Float64Array.from({ length: dimensions }, (_, d) => parts.reduce((s, p, k) => s + (p[d]! * weights[k]!) / total, 0));
      const square = (x: Float64Array) => x.reduce((s, v) => s + v * v, 0);
      const found = noiseEstimate(weights, parts.map(square), square(whole))!;
      sums.squared += found.squared / draws;
      sums.trace += found.trace / draws;
      level = nextNoiseLevel(level, found);
    }
    expect(sums.squared).toBeGreaterThan(4.8);
    expect(sums.squared).toBeLessThan(5.2);
    expect(sums.trace).toBeGreaterThan(175);
    expect(sums.trace).toBeLessThan(185);
    expect(noiseScaleOf(level)).toBeGreaterThan(25);
    expect(noiseScaleOf(level)).toBeLessThan(50);
  }
  expect(noiseEstimate([8], [1], 1)).toBeUndefined();
  expect(suggestedRows(36_000, 256)).toBe(141);
});
