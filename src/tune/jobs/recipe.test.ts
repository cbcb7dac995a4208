import fc from "fast-check";
import { expect, test } from "vitest";
import { check } from "../../base/index.ts";
import { instructFitOptions, instructOptions } from "../instruct/index.ts";
import { preferenceOptions } from "../preference/index.ts";
import type { CheckedFiles } from "./check-files.ts";
import { autoEpochs, microBatches, recipeOf, rowTokens, usualRate } from "./recipe.ts";

const files = (more: Partial<CheckedFiles> = {}): CheckedFiles => ({
  problems: [],
  problemCount: 0,
  warnings: [],
  train: 40,
  validation: 0,
  longest: 70,
  tokens: 2000,
  context: 2048,
  ...more,
});
const auto = { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" } as const;
const given = { seed: 3, checked: files(), on: "./a.jsonl", validationFile: undefined, checkpointSeconds: 9, checkpoints: 3 };

test("micro-batches add up to the batch, and none is larger than eight", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 256 }), batch => {
      const { rows, accumulate } = microBatches(batch);
      expect(rows * accumulate).toBe(batch);
      expect(rows).toBeLessThanOrEqual(8);
      // none that divides is larger
      for (let r = rows + 1; r <= Math.min(8, batch); r++) expect(batch % r).not.toBe(0);
    }),
  );
});

test("epochs by themselves: three, more where examples are few, fewer where they are many", () => {
  expect([1, 10, 33, 34, 8333, 10_000, 30_000].map(autoEpochs)).toEqual([25, 10, 3, 3, 3, 2, 1]);
});

test("a row holds the longest example, several where rows are packed, and never more than the model reads", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 16, max: 4096 }),
      fc.integer({ min: 2, max: 4096 }),
      fc.integer({ min: 1, max: 99 }),
      fc.boolean(),
      (context, most, n, isPacked) => {
        const longest = Math.min(most, context);
        const length = rowTokens(files({ context, longest, tokens: longest * n }), isPacked);
        expect(length).toBeGreaterThanOrEqual(Math.min(longest, context));
        expect(length).toBeLessThanOrEqual(context);
      },
    ),
  );
  expect(rowTokens(files(), false)).toBe(80);
  expect(rowTokens(files(), true)).toBe(512);
});

test("a recipe is one that loam.yaml takes, and what is not said is what `loam tune` does", () => {
  const { tune, hyperparameters } = recipeOf({ ...given, method: { type: "supervised", supervised: { hyperparameters: auto } } });
  const { task, on: _, ...rest } = tune;
  expect(task).toBe("instruct");
  const recipe = check(instructOptions, rest, "job");
  const usual = check(instructFitOptions, {}, "usual");
  expect(recipe).toMatchObject({
    rows: usual.rows,
    accumulate: usual.accumulate,
    pack: usual.pack,
    schedule: usual.schedule,
    method: usual.method,
    rate: usualRate,
    seed: 3,
  });
  expect(recipe.validation).toBe(0);
  expect(hyperparameters).toEqual({ n_epochs: 3, batch_size: "auto", learning_rate_multiplier: 1 });
});

test("numbers that are said hold: so many examples a step, so many times the rate", () => {
  const said = { n_epochs: 7, batch_size: 12, learning_rate_multiplier: 0.5 };
  const { tune } = recipeOf({ ...given, method: { type: "supervised", supervised: { hyperparameters: said } } });
  expect(tune).toMatchObject({ epochs: 7, rows: 6, accumulate: 2, pack: false, rate: usualRate / 2, length: 80 });
  const dpo = recipeOf({
    ...given,
    method: { type: "dpo", dpo: { hyperparameters: { ...said, beta: 0.3 } } },
    validationFile: "./b.jsonl",
  });
  const { task, on: _, validationFile, ...rest } = dpo.tune;
  expect([task, validationFile]).toEqual(["preference", "./b.jsonl"]);
  expect(check(preferenceOptions, rest, "job")).toMatchObject({ beta: 0.3, pairs: 6, accumulate: 2, epochs: 7, loss: "dpo" });
});
