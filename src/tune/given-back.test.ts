/** What a training leaves on its device: what its caller was given, and nothing else; and nothing at all where it ends before its end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { defined, random, silent, type Tree, treeLeaves } from "../base/index.ts";
import { bertConfig, decoderSpec, initialise, llamaConfig, type ModelConfig, modelOf, specOfModel } from "../nn/index.ts";
import { type Device, type DeviceArray, openDevice } from "../tensor/index.ts";
import { pretrain, recipeSchema } from "../train/index.ts";
import { fitClassifier } from "./classify/fit.ts";
import { classifyOptions } from "./classify/options.ts";
import { counted } from "./counted.laws.ts";
import { disposeTuned, type MethodInput } from "./methods/index.ts";
import { fitRegression } from "./regress/fit.ts";
import { regressOptions } from "./regress/options.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-given-back-"));
const real = openDevice("cpu", { threads: 1 });
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  real.dispose();
});

const small = { vocab: 24, width: 64, layers: 1, heads: 2, context: 32 };
const models: Readonly<Record<"decoder" | "encoder", ModelConfig>> = {
  decoder: { family: "decoder", config: llamaConfig(small) },
  encoder: { family: "encoder", config: { ...bertConfig(small), headless: true } },
};
const draw = random("given back");
const texts = Array.from({ length: 24 }, () => Array.from({ length: 4 + draw.below(8) }, () => 1 + draw.below(23)));
const part = (from: number, to: number) => ({ ids: texts.slice(from, to).map((_, i) => `t${from + i}`), tokens: texts.slice(from, to) });
const recipe = { epochs: 2, batch: 8, patience: 0, evaluations: 2, checkpointSeconds: 1e6 } as const;
let runs = 0;
const run = (signal: AbortSignal | undefined, stopAt: (step: number) => void) => ({
  longest: 16,
  identity: "toy",
  folder: join(folder, `run-${runs++}`),
  progress: (e: { readonly values?: unknown }) => stopAt(Number((e.values as { step?: number } | undefined)?.step)),
  ...defined({ signal }),
});
type Run = ReturnType<typeof run>;

/** Tunes, and gives what the caller holds then; disposing it is the caller's. */
const tunings: Readonly<Record<string, (device: Device, method: MethodInput, run: Run) => Promise<{ tuned: never; model: unknown }>>> = {
  async classifier(device, method, given) {
    const model = models.encoder;
    const labels = Int32Array.from(texts, (_, i) => i % 2);
    const { model: found, ...tuned } = await fitClassifier({
      device,
      base: modelOf(model, await initialise(specOfModel(model), device, 3)),
      recipe: classifyOptions.parse({ ...recipe, method }),
      classes: ["a", "b"],
      train: { ...part(0, 16), labels: labels.slice(0, 16) },
      validation: { ...part(16, 24), labels: labels.slice(16) },
      ...given,
    });
    return { tuned: tuned as never, model: found.parameters };
  },
  async regression(device, method, given) {
    const model = models.decoder;
    const values = texts.map(t => t.length);
    const { model: found, ...tuned } = await fitRegression({
      device,
      base: modelOf(model, await initialise(specOfModel(model), device, 3)),
      recipe: regressOptions.parse({ ...recipe, method }),
      train: { ...part(0, 16), values: values.slice(0, 16) },
      validation: { ...part(16, 24), values: values.slice(16) },
      ...given,
    });
    return { tuned: tuned as never, model: found.parameters };
  },
};
const each: readonly (readonly [task: string, method: string, input: MethodInput])[] = [
  ["classifier", "full", "full"],
  ["classifier", "lora", { lora: { rank: 2 } }],
  ["classifier", "qlora", { qlora: { rank: 2 } }],
  ["regression", "frozen", { frozen: { layers: 1 } }],
  ["classifier", "the head alone", { frozen: { layers: "all" } }],
  ["regression", "dora", { dora: { rank: 2 } }],
];

test.each(each)("a %s tuned by %s is its model and nothing else, once what it was merged of is given back", async (task, _, method) => {
  const { device, live } = counted(real);
  const { tuned, model } = await tunings[task]!(
    device,
    method,
    run(undefined, () => {}),
  );
  const arrays = treeLeaves<DeviceArray>(model as Tree<DeviceArray>);
  disposeTuned(tuned, model);
  expect(arrays.every(a => a.isAlive)).toBe(true);
  expect(live).toEqual({ arrays: arrays.length, programs: 0 });
});

test.each(each)("a %s by %s that is stopped, or fails, holds nothing", async (task, _, method) => {
  for (const signal of [new AbortController(), undefined]) {
    const { device, live } = counted(real);
    const stopAt = (step: number) => {
      if (step !== 2) return;
      if (!signal) throw new Error("stopped");
      signal.abort(new Error("stopped"));
    };
    await expect(tunings[task]!(device, method, run(signal?.signal, stopAt))).rejects.toThrow("stopped");
    expect(live).toEqual({ arrays: 0, programs: 0 });
  }
});

test.each([0, 1])("a pre-training is its parameters and nothing else (patience %i), or nothing where it is stopped", async patience => {
  const shards = (count: number) => ({
    tokens: Uint32Array.from({ length: 8 * count }, (_, i) => i % 24),
    offsets: Float64Array.from({ length: count + 1 }, (_, i) => 8 * i),
    ids: Array.from({ length: count }, (_, i) => `d${i}`),
  });
  const config = llamaConfig(small);
  for (const stopped of [false, true]) {
    const { device, live } = counted(real);
    const stop = new AbortController();
    const done = pretrain({
      device,
      model: config,
      recipe: recipeSchema.parse({ tokens: 512, rows: 2, length: 16, rate: 0.01, patience, evaluateEvery: 2 }) as never,
      train: shards(40) as never,
      heldOut: shards(8) as never,
      end: 0,
      identity: "toy",
      folder: join(folder, `run-${runs++}`),
      signal: stop.signal,
      progress: e => {
        if (stopped && e.values?.step === 5) stop.abort(new Error("stopped"));
        silent(e);
      },
    });
    if (stopped) await expect(done).rejects.toThrow("stopped");
    else await done;
    const count = treeLeaves(decoderSpec(config) as unknown as Tree<unknown>).length;
    expect(live).toEqual({ arrays: stopped ? 0 : count, programs: 0 });
  }
});
