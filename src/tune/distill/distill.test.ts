/** Distillation against PyTorch's numbers (`bench/peers/golden/distill.py`), and a student that comes close to its teacher. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { check, defined, random, silent } from "../../base/index.ts";
import { type DecoderConfig, decoderSpec, initialise, llamaConfig } from "../../nn/index.ts";
import { compile, type DeviceArray, openDevice, type Tensor, valueAndGrad } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { expectGradients, type GoldenModel, goldenModel, type Summed } from "../golden.laws.ts";
import type { Encoded } from "../instruct/encode.ts";
import { layExamples } from "../instruct/pack.ts";
import { tuneRows } from "../instruct/tune.ts";
import { type Tuning, tuningOf } from "../methods/index.ts";
import { treeOf } from "../methods/paths.ts";
import { distillFitOptions } from "./options.ts";
import { distillTask } from "./tune.ts";

const golden: GoldenModel & {
  readonly prompt: number;
  readonly ids: number[][];
  readonly lengths: number[];
  readonly cases: readonly ({
    readonly name: string;
    readonly options: { readonly temperature: number; readonly soft: number };
    readonly gradients: Readonly<Record<string, Summed>>;
  } & { readonly [M in "loss" | "divergence" | "surprise"]: number })[];
} = JSON.parse(readFileSync(new URL("distill.golden.json", import.meta.url), "utf8"));

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-distill-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = (name: string): string => {
  mkdirSync(join(root, name));
  return join(root, name);
};
const recipe = (input: object) => ({ ...check(distillFitOptions, input, "tune"), length: 32 });
const examplesOf = (ids: readonly (readonly number[])[], prompt: number): Encoded[] =>
  ids.map((row, i) => ({
    place: `e:${i + 1}`,
    ids: Uint32Array.from(row),
    trained: Uint8Array.from(row, (_, k) => (k >= prompt ? 1 : 0)),
    cut: 0,
  }));

/** A batch on the device, and the loss of a task with all its gradients. */
async function batchOf(examples: readonly Encoded[], rows: readonly (readonly number[])[], length = 32) {
  const { tokens, targets, segments, positions, weights } = layExamples(examples, rows, { rows: rows.length, length });
  const given: Record<string, DeviceArray> = {};
  for (const [name, data] of Object.entries({ tokens, targets, segments, positions }))
    given[name] = await device.array(data, "i32", [rows.length, length]);
  given.weights = await device.array(weights, "f32", [rows.length, length]);
  given.seed = await device.array(Int32Array.of(1), "i32", []);
  return { given, weight: weights.reduce((a, b) => a + b, 0) };
}
async function lossOf(
  tuning: Tuning<never>,
  task: ReturnType<typeof distillTask>,
  parameters: unknown,
  batch: Awaited<ReturnType<typeof batchOf>>,
) {
  const { trainable, frozen } = await tuning.start(parameters, device, 1);
  const all = { ...frozen, ...task.beside };
  const scale = await device.array(Float32Array.of(1 / batch.weight), "f32", []);
  const program = compile(
    (t: never, b: never, s: Tensor, f: never) =>
      valueAndGrad((u: never, c: never, r: Tensor, g: never) => task.loss(u, c, r, g))(t, b, s, f),
    { device },
  );
  const [loss, gradients] = (await program(trainable as never, batch.given as never, scale, all as never)) as unknown as [
    DeviceArray,
    never,
  ];
  const sums = compile((t: never, f: never, b: never) => task.sums(t, f, b), { device });
  const measured: Record<string, number> = {};
  for (const [name, total] of Object.entries(
    (await sums(trainable as never, all as never, batch.given as never)) as unknown as Record<string, DeviceArray>,
  ))
    measured[name] = (await total.item()) / batch.weight;
  return { loss: await loss.item(), gradients, measured };
}

test("losses, both parts of them, and gradients are PyTorch's", async () => {
  const teacher = await goldenModel(golden, folder("teacher"), device, "teacher ");
  const student = folder("student");
  const examples = examplesOf(
    golden.ids.map((row, i) => row.slice(0, golden.lengths[i])),
    golden.prompt,
  );
  for (const { name, options, gradients, ...values } of golden.cases) {
    const model = await goldenModel(golden, student, device);
    const config = model.config as DecoderConfig;
    const tuning = tuningOf({ full: {} }, decoderSpec(config));
    const task = distillTask(config, { config, parameters: teacher.parameters }, tuning, recipe(options));
    // two answers of different length share a row
    const batch = await batchOf(examples, [[0], [1, 2]], 12);
    const found = await lossOf(tuning as never, task, model.parameters, batch);
    expect(found.loss, name).toBeCloseTo(values.loss, 5);
    for (const measure of ["loss", "divergence", "surprise"] as const)
      expect(found.measured[measure], `${name}: ${measure}`).toBeCloseTo(values[measure], 5);
    await expectGradients(treeOf(Object.entries(found.gradients)), gradients, name);
  }
});

const config = { ...llamaConfig({ vocab: 40, width: 32, layers: 2, heads: 4, context: 32, hidden: 48 }), deviation: 0.3 };
const draw = random("texts");
const examples = examplesOf(
  Array.from({ length: 128 }, () => Array.from({ length: 12 }, () => draw.below(6))),
  3,
);

test("a model that is its own teacher has nothing to learn", async () => {
  const parameters = await initialise(decoderSpec(config), device, 1);
  const teacher = { config, parameters: await initialise(decoderSpec(config), device, 1) };
  const tuning = tuningOf({ full: {} }, decoderSpec(config));
  const batch = await batchOf(examples, [
    [0, 1],
    [2, 3],
  ]);
  const own = await lossOf(tuning as never, distillTask(config, teacher, tuning, recipe({ soft: 1, temperature: 2 })), parameters, batch);
  expect(Math.abs(own.loss)).toBeLessThan(1e-5);
  const norm = async (gradients: Record<string, DeviceArray>) =>
    Math.hypot(...(await Promise.all(Object.values(gradients).map(async g => Math.hypot(...((await g.read()) as Float32Array))))));
  const other = await lossOf(
    tuning as never,
    distillTask(config, teacher, tuning, recipe({ soft: 1, temperature: 2 })),
    await initialise(decoderSpec(config), device, 2),
    batch,
  );
  expect(await norm(own.gradients)).toBeLessThan(1e-4 * (await norm(other.gradients)));
});

test("a smaller student comes close to its teacher on texts that it was not trained on; resumed gives the bits of a run that was not", async () => {
  const small = { ...llamaConfig({ vocab: 40, width: 24, layers: 1, heads: 2, context: 32, hidden: 48 }), deviation: 0.1 };
  const tokenizer = trainBpe(["a b c"], { vocab: 300, minFrequency: 1 });
  const run = async (name: string, signal?: AbortSignal, onStep?: (step: number) => void) => {
    const teacher = { config, parameters: await initialise(decoderSpec(config), device, "teacher") };
    const given = recipe({ method: "full", soft: 1, rate: 0.02, epochs: 10, rows: 4, evaluations: 1, dropout: 0.05 });
    return tuneRows(
      {
        device,
        config: small,
        parameters: await initialise(decoderSpec(small), device, 1),
        recipe: given,
        train: examples.slice(0, 120),
        validation: examples.slice(120),
        text: { tokenizer, stopTokens: [] },
        inputs: {},
        identity: "same",
        folder: join(root, name),
        progress: onStep ? e => onStep(Number(e.values?.step ?? 0)) : silent,
        ...defined({ signal }),
      },
      tuning => distillTask(small, teacher, tuning, given),
    );
  };
  const whole = await run("whole");
  const best = whole.history[whole.best]!;
  // texts are drawn evenly: the teacher's distributions are all that there is to learn
  expect(best.divergence!).toBeLessThan(0.6 * whole.history[0]!.divergence!);
  expect(best.surprise!).toBeGreaterThan(Math.log(6));
  const stop = new AbortController();
  await expect(run("parts", stop.signal, step => step >= 7 && stop.abort())).rejects.toThrow();
  const resumed = await run("parts");
  expect(resumed.resumedFrom).toBeGreaterThan(0);
  expect(resumed.history).toEqual(whole.history);
});
