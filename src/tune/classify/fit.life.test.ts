import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { defined, random, silent } from "../../base/index.ts";
import {
  bertConfig,
  initialise,
  llamaConfig,
  type Model,
  type ModelConfig,
  modelOf,
  specOfModel,
  textLogits,
  withClassifier,
} from "../../nn/index.ts";
import { compile, type DeviceArray, openDevice, type Tensor } from "../../tensor/index.ts";
import { predictorOf } from "../text-head/predict.ts";
import { type ClassifierRun, fitClassifier, type TokenTexts } from "./fit.ts";
import { type ClassifyInput, classifyOptions } from "./options.ts";

const device = openDevice("cpu", { threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "loam-classify-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  device.dispose();
});

const small = { vocab: 24, width: 16, layers: 2, heads: 2, context: 64 };
const decoder: ModelConfig = { family: "decoder", config: llamaConfig(small) };
const encoder: ModelConfig = { family: "encoder", config: { ...bertConfig(small), headless: true } };
const drawn = async (m: ModelConfig): Promise<Model> => modelOf(m, await initialise(specOfModel(m), device, 3));

/** Texts of 3 to 60 tokens; those of class 1 have a token 1, those of class 0 a token 2, somewhere. */
function texts(seed: string, count: number): TokenTexts {
  const r = random(seed);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const tokens = Array.from(labels, label => {
    const ids = Array.from({ length: 3 + r.below(r.below(4) === 0 ? 57 : 10) }, () => 3 + r.below(21));
    ids[r.below(ids.length)] = label === 1 ? 1 : 2;
    return ids;
  });
  return { ids: tokens.map((_, i) => `${seed}:${i}`), tokens, labels };
}

let runs = 0;
const tunedBy = async (model: ModelConfig, recipe: Partial<ClassifyInput>, more: Partial<ClassifierRun> = {}) =>
  fitClassifier({
    device,
    base: await drawn(model),
    recipe: classifyOptions.parse({ rate: 0.01, epochs: 10, batch: 8, patience: 0, checkpointSeconds: 1e6, ...recipe }),
    classes: ["ham", "spam"],
    train: texts("train", 160),
    validation: texts("validation", 30),
    longest: 64,
    identity: "toy".padEnd(64, "0"),
    folder: join(folder, `run-${runs++}`),
    progress: silent,
    ...more,
  });
const weightsOf = async (m: Model): Promise<Float32Array> =>
  (await (m.parameters as unknown as { classifier: { output: { weight: DeviceArray } } }).classifier.output.weight.read()) as Float32Array;

describe("tuning", () => {
  test.each([
    ["a decoder, all of it", decoder, { method: "full" }],
    ["a decoder, by the mean of its states", decoder, { method: "full", pooling: "mean" }],
    ["an encoder, all of it", encoder, { method: "full" }],
    ["an encoder, by LoRA", encoder, { method: { lora: { rank: 4 } }, pooling: "mean", rate: 0.02 }],
  ] as const)("tells a token from another wherever it stands: %s", async (_, model, recipe) => {
    const { best, trained, model: tuned } = await tunedBy(model, recipe as Partial<ClassifyInput>, { train: texts("train", 400) });
    expect(best.accuracy).toBeGreaterThan(0.9);
    expect(trained).toBeGreaterThan(0);
    expect(tuned.family).toBe(model.family);
  });

  test("frozen blocks and tables stay as they were", async () => {
    const before = await (await drawn(decoder)).parameters.token!.read();
    const { model } = await tunedBy(decoder, { method: { frozen: { layers: 1 } }, epochs: 1 });
    expect(await (model.parameters as { token: DeviceArray }).token.read()).toEqual(before);
  });

  test("stopped and resumed equals uninterrupted, bit for bit, and selects the same", async () => {
    const recipe = { epochs: 2, dropout: 0.1 };
    const whole = await tunedBy(decoder, recipe);
    const place = join(folder, "stopped");
    const stop = new AbortController();
    const stopping = tunedBy(decoder, recipe, {
      folder: place,
      signal: stop.signal,
      progress: e => {
        if (Number(e.values?.step) === 15) stop.abort(new Error("stopped"));
      },
    });
    await expect(stopping).rejects.toThrow("stopped");
    const rest = await tunedBy(decoder, recipe, { folder: place });
    expect(rest.resumedFrom).toBe(15);
    expect(rest.history).toEqual(whole.history);
    expect(await weightsOf(rest.model)).toEqual(await weightsOf(whole.model));
    expect(rest.points.map(p => p.loss)).toHaveLength(whole.points.length);
  });

  test("the best values are kept, and patience ends the run", async () => {
    const { history, best, stoppedEarly, steps } = await tunedBy(decoder, {
      rate: 0.05,
      epochs: 40,
      patience: 2,
      schedule: { kind: "constant" },
    });
    expect(best.macroF1).toBe(Math.max(...history.map(h => h.macroF1)));
    expect(stoppedEarly).toBe(true);
    expect(steps).toBe(history.at(-1)!.step);
  });
});

test("a text's logits do not depend on what pads it or who is beside it", async () => {
  for (const base of [decoder, encoder])
    for (const pooling of [undefined, "mean"] as const) {
      const model = withClassifier(base, { labels: ["a", "b", "c"], kind: "one", ...defined({ pooling }) });
      const { parameters } = await drawn(model);
      const many = texts("x", 12).tokens;
      const predictor = predictorOf({ device, model, longest: 64, parameters: (p: unknown) => p, rows: 8 });
      const together = await predictor.predict([parameters], many);
      const alone = compile((p: unknown, t: Tensor, present: Tensor) => textLogits(model, p, t, present), { device }) as unknown as (
        ...a: unknown[]
      ) => Promise<DeviceArray>;
      for (const [i, ids] of many.slice(0, 4).entries()) {
        const shape = [1, ids.length];
        const out = await alone(
          parameters,
          await device.array(Int32Array.from(ids), "i32", shape),
          await device.array(new Int32Array(ids.length).fill(1), "i32", shape),
        );
        const want = await out.numbers();
        for (const [k, x] of together[i]!.entries()) expect(x).toBeCloseTo(want[k]!, 4);
      }
      predictor.dispose();
    }
});

for (const [family, model] of [
  ["decoder", decoder],
  ["encoder", encoder],
] as const)
  for (const method of ["projection", "reversal"] as const)
    test(`the family ${family}, tuned against an adversary by ${method}, is another model and has none of the adversary's parameters`, async () => {
      const attributes = (part: TokenTexts) => ({ ...part, attributes: part.ids.map((_, i) => ({ side: i % 3 ? "left" : "right" })) });
      const tunedWith = async (recipe: Partial<ClassifyInput>) => {
        const tuned = await tunedBy(model, { epochs: 1, ...recipe }, { train: attributes(texts("train", 160)) });
        expect(Object.keys(tuned.trainable).filter(path => path.startsWith("adversary"))).toEqual([]);
        return tuned.validationLogits.map(row => [...row]);
      };
      const debiased = await tunedWith({ debias: { attributes: ["side"], method } });
      expect(debiased).not.toEqual(await tunedWith({}));
      expect(debiased.flat().every(Number.isFinite)).toBe(true);
    });

test("with an adversary the last values are kept, where the same run without one stops early and chooses by the task", async () => {
  const recipe = { rate: 0.05, epochs: 6, patience: 2, schedule: { kind: "constant" } } as const;
  const train = texts("train", 160);
  // the group is the class: what the adversary takes away is what the task needs
  const attributes = Array.from(train.labels, label => ({ side: label ? "left" : "right" }));
  const run = (more: Partial<ClassifyInput>) => tunedBy(decoder, { ...recipe, ...more }, { train: { ...train, attributes } });
  const plain = await run({});
  expect(plain.stoppedEarly).toBe(true);
  const debias: ClassifyInput["debias"] = { attributes: ["side"], goal: "demographicParity", weight: 3 };
  const debiased = await run({ debias });
  const { best, history, steps, stoppedEarly, model } = debiased;
  expect([stoppedEarly, best, best.step]).toEqual([false, history.at(-1), steps]);
  // both rules of selection would have kept others
  expect(Math.max(...history.map(h => h.macroF1))).toBeGreaterThan(best.macroF1);
  expect(Math.min(...history.map(h => h.loss))).toBeLessThan(best.loss);
  // the weights themselves are those of the last judgement
  const { tokens, labels } = texts("validation", 30);
  const predictor = predictorOf({ device, model, longest: 64, parameters: (p: unknown) => p });
  const logits = await predictor.predict([model.parameters], tokens);
  predictor.dispose();
  const lossOf = (row: ArrayLike<number>, label: number) => Math.log(1 + Math.exp(row[1 - label]! - row[label]!));
  expect(logits.reduce((sum, row, i) => sum + lossOf(row, labels[i]!), 0) / labels.length).toBeCloseTo(best.loss, 4);
});
