/** A model that reads a number off a text: what it learns, and that resuming changes nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random, silent } from "../../base/index.ts";
import { bertConfig, initialise, llamaConfig, type ModelConfig, modelOf, specOfModel } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { predictorOf } from "../text-head/predict.ts";
import { fitRegression, type MeasuredTexts, type RegressRun } from "./fit.ts";
import { type RegressInput, regressOptions } from "./options.ts";
import { regressionOf } from "./report.ts";

const device = openDevice("cpu", { threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "loam-regress-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  device.dispose();
});
const small = { vocab: 24, width: 16, layers: 2, heads: 2, context: 64 };
const models: Readonly<Record<"decoder" | "encoder", ModelConfig>> = {
  decoder: { family: "decoder", config: llamaConfig(small) },
  encoder: { family: "encoder", config: { ...bertConfig(small), headless: true } },
};

/** Texts of ten tokens; their number is 100 and 20 for each token 1 among them. */
function texts(seed: string, count: number): MeasuredTexts {
  const r = random(seed);
  const tokens = Array.from({ length: count }, () => Array.from({ length: 10 }, () => (r.below(2) === 0 ? 1 : 3 + r.below(21))));
  return { ids: tokens.map((_, i) => `${seed}:${i}`), tokens, values: tokens.map(ids => 100 + 20 * ids.filter(t => t === 1).length) };
}
const run = async (model: ModelConfig, name: string, recipe: RegressInput = {}, more: Partial<RegressRun> = {}) =>
  fitRegression({
    device,
    base: modelOf(model, await initialise(specOfModel(model), device, 3)),
    recipe: regressOptions.parse({ rate: 0.01, epochs: 8, batch: 8, patience: 0, pooling: "mean", checkpointSeconds: 1e6, ...recipe }),
    train: texts("train", 120),
    validation: texts("validation", 30),
    longest: 64,
    identity: "toy",
    folder: join(folder, name),
    progress: silent,
    ...more,
  });

test.each(["decoder", "encoder"] as const)("counts tokens, and what it gives are the numbers themselves: %s", async family => {
  const { model, history, best, deviation } = await run(models[family], family);
  expect(history[best]!.rmse!).toBeLessThan(0.5 * deviation);
  const test = texts("test", 40);
  const predictor = predictorOf({ device, model, longest: 64, parameters: (p: unknown) => p });
  const predicted = (await predictor.predict([model.parameters], test.tokens)).map(row => row[0]!);
  predictor.dispose();
  expect(regressionOf.rmse({ truth: test.values, predicted })).toBeLessThan(0.5 * deviation);
  expect(regressionOf.r2({ truth: test.values, predicted })).toBeGreaterThan(0.7);
});

test("stopped and resumed equals uninterrupted, bit for bit", async () => {
  const recipe: RegressInput = { epochs: 2, method: { lora: { rank: 4, dropout: 0.1 } } };
  const whole = await run(models.decoder, "whole", recipe);
  const stop = new AbortController();
  const stopping = run(models.decoder, "parts", recipe, {
    signal: stop.signal,
    progress: e => Number(e.values?.step) === 9 && stop.abort(new Error("stopped")),
  });
  await expect(stopping).rejects.toThrow("stopped");
  const rest = await run(models.decoder, "parts", recipe);
  expect(rest.resumedFrom).toBe(9);
  expect(rest.history).toEqual(whole.history);
});
