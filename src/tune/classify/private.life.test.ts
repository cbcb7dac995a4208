/** Private tuning of a classifier on toy texts: it learns, counts its budget, resumes to the bit, and protects people with several texts. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random, silent } from "../../base/index.ts";
import { epsilonOf } from "../../governance/index.ts";
import { bertConfig, initialise, type ModelConfig, modelOf, specOfModel } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { type ClassifierRun, fitClassifier, type TokenTexts } from "./fit.ts";
import { type ClassifyInput, classifyOptions } from "./options.ts";

const device = openDevice("cpu", { threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "loam-private-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  device.dispose();
});
const encoder: ModelConfig = {
  family: "encoder",
  config: { ...bertConfig({ vocab: 24, width: 16, layers: 1, heads: 2, context: 32 }), headless: true },
};

function texts(seed: string, count: number): TokenTexts {
  const r = random(seed);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const tokens = Array.from(labels, label => {
    const ids = Array.from({ length: 6 }, () => 3 + r.below(21));
    ids[r.below(6)] = label === 1 ? 1 : 2;
    return ids;
  });
  return { ids: tokens.map((_, i) => `${seed}:${i}`), tokens, labels };
}
const train = texts("train", 600);
let runs = 0;
const tuned = async (recipe: Partial<ClassifyInput>, more: Partial<ClassifierRun> = {}) =>
  fitClassifier({
    device,
    base: modelOf(encoder, await initialise(specOfModel(encoder), device, 3)),
    recipe: classifyOptions.parse({
      pooling: "mean",
      rate: 0.01,
      batch: 64,
      patience: 0,
      checkpointSeconds: 1e6,
      evaluations: 1,
      ...recipe,
    }),
    classes: ["ham", "spam"],
    train,
    validation: texts("validation", 60),
    longest: 32,
    identity: "toy".padEnd(64, "0"),
    folder: join(folder, `run-${runs++}`),
    progress: silent,
    ...more,
  });

test("learns with little noise, and tells what it cost", async () => {
  const place = join(folder, "learns");
  const { best, privacy, steps } = await tuned({ epochs: 20, privacy: { noise: 0.4, delta: 1e-4, clip: 0.5 } }, { folder: place });
  expect(best.accuracy).toBeGreaterThan(0.9);
  expect(privacy!.steps).toBe(steps);
  expect(privacy!.samplingRate).toBeCloseTo(64 / 600, 9);
  expect(privacy!.epsilon).toBeCloseTo(epsilonOf([{ rate: 64 / 600, noise: 0.4, steps }], 1e-4), 6);
  expect(existsSync(join(place, "privacy.key"))).toBe(false);
});

test("with noise and a budget it stops before the step that would exceed it", async () => {
  const { privacy, steps } = await tuned({ epochs: 10, privacy: { noise: 1, epsilon: 3, delta: 1e-4, accountant: "rdp" } });
  expect(steps).toBeLessThan(10 * (600 / 64));
  expect(privacy!.epsilon).toBeLessThanOrEqual(3);
  expect(epsilonOf([{ rate: 64 / 600, noise: 1, steps: steps + 1 }], 1e-4, "rdp")).toBeGreaterThan(3);
});

test("stopped and resumed equals uninterrupted to the bit, with the same noise, and is charged once", async () => {
  const place = join(folder, "stopped");
  const recipe = { epochs: 2, dropout: 0.1, privacy: { noise: 0.8, delta: 1e-4, accountant: "rdp" as const } };
  const stop = new AbortController();
  const stopping = tuned(recipe, {
    folder: place,
    signal: stop.signal,
    progress: e => {
      if (Number(e.values?.step) === 7) stop.abort(new Error("stopped"));
    },
  });
  await expect(stopping).rejects.toThrow("stopped");
  expect(existsSync(join(place, "privacy.key"))).toBe(true);
  const rest = await tuned(recipe, { folder: place });
  expect(rest.resumedFrom).toBe(7);
  expect(rest.privacy!.epsilon).toBeCloseTo(epsilonOf([{ rate: 64 / 600, noise: 0.8, steps: rest.steps }], 1e-4, "rdp"), 9);
  expect(rest.steps).toBe(rest.privacy!.steps);
});

test("people with several texts are clipped together, and texts beyond the cap are left out", async () => {
  const owners = train.ids.map((_, i) => `person ${Math.floor(i / 6)}`);
  const { privacy } = await tuned(
    { epochs: 0.5, privacy: { noise: 1, delta: 1e-3, person: "sender", textsPerPerson: 4, accountant: "rdp" } },
    { train: { ...train, owners } },
  );
  expect(privacy).toMatchObject({ people: 100, leftOut: 200, unit: "attribute sender, at most 4 documents each" });
});

test("what would break the guarantee is refused", async () => {
  const privacy = { noise: 1, delta: 1e-4 };
  await expect(tuned({ privacy, weights: "balanced" })).rejects.toThrow(/balanced/);
  await expect(tuned({ privacy, precision: "bf16" })).rejects.toThrow(/precision/);
  await expect(tuned({ privacy: { noise: 1, delta: 0.01 } })).rejects.toThrow(/delta.*1 \/ 600/);
  await expect(tuned({ privacy: { epsilon: 0.01, noise: 0.5, delta: 1e-4 } })).rejects.toThrow(/one step/);
});
