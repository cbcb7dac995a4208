import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random, silent } from "../../base/index.ts";
import { bertConfig, initialise, llamaConfig, type Model, type ModelConfig, modelOf, specOfModel } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import type { Truth } from "./examples.ts";
import { fitMultiLabel, labelLoss, type MultiLabelTexts } from "./fit.ts";
import { multiLabelOptions } from "./options.ts";

const device = openDevice("cpu", { threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "loam-multilabel-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  device.dispose();
});
const small = { vocab: 24, width: 16, layers: 2, heads: 2, context: 32 };
const families: Readonly<Record<string, ModelConfig>> = {
  decoder: { family: "decoder", config: llamaConfig(small) },
  encoder: { family: "encoder", config: { ...bertConfig(small), headless: true } },
};
const drawn = async (m: ModelConfig): Promise<Model> => modelOf(m, await initialise(specOfModel(m), device, 3));

/** Label a: a token 1 somewhere; label b: a token 2; each by itself, and b is unknown of every fourth text. */
function texts(seed: string, count: number): MultiLabelTexts {
  const r = random(seed);
  const truths: Truth[][] = Array.from({ length: count }, (_, i) => [
    r.below(2) as Truth,
    i % 4 === 0 ? undefined : r.below(3) === 0 ? 1 : 0,
  ]);
  const tokens = truths.map(([a, b]) => {
    const ids = Array.from({ length: 4 + r.below(8) }, () => 3 + r.below(21));
    if (b === 1) ids[0] = 2;
    if (a === 1) ids[1 + r.below(ids.length - 1)] = 1;
    return ids;
  });
  return { ids: tokens.map((_, i) => `${seed}:${i}`), tokens, truths };
}

test.each(Object.keys(families))("labels are learnt each by itself, and unknown ones teach nothing: %s", async name => {
  const recipe = multiLabelOptions.parse({
    labels: ["a", "b"],
    rate: 0.01,
    epochs: 20,
    batch: 8,
    patience: 0,
    pooling: "mean",
    weights: "balanced",
    checkpointSeconds: 1e6,
  });
  const run = async (train: MultiLabelTexts, identity: string) =>
    fitMultiLabel({
      device,
      base: await drawn(families[name]!),
      recipe,
      train,
      validation: texts("validation", 60),
      longest: 32,
      identity: identity.padEnd(64, "0"),
      folder: join(folder, `${name}-${identity}`),
      progress: silent,
    });
  const { history, best } = await run(texts("train", 400), "a");
  expect(history[best]!.averagePrecision).toBeGreaterThan(0.9);
});

test("soft targets are learnt as probabilities: the logits of one that is always 0.8 come near its log odds", async () => {
  const train = texts("soft", 200);
  const recipe = multiLabelOptions.parse({
    labels: ["a", "b"],
    rate: 0.01,
    epochs: 12,
    batch: 16,
    patience: 0,
    select: "loss",
    pooling: "mean",
    checkpointSeconds: 1e6,
  });
  const { history } = await fitMultiLabel({
    device,
    base: await drawn(families.decoder!),
    recipe,
    train: { ...train, truths: train.truths.map(() => [1, 0] as const), targets: train.truths.map(() => [0.8, 0.8]) },
    // judged by the truth: where a holds, it costs -log 0.8
    validation: { ...texts("validation", 40), truths: Array.from({ length: 40 }, () => [1, undefined] as const) },
    longest: 32,
    identity: "soft".padEnd(64, "0"),
    folder: join(folder, "soft"),
    progress: silent,
  });
  expect(history.at(-1)!.loss).toBeCloseTo(-Math.log(0.8), 1);
});

test("the loss of a text is the mean of the labels that are known", () => {
  expect(labelLoss([0, 0], [1, undefined])).toBeCloseTo(Math.LN2);
  expect(labelLoss([100, -100, 5], [1, 0, undefined])).toBeCloseTo(0);
  expect(labelLoss([3], [undefined])).toBe(0);
});
