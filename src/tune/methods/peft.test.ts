/** Losses, gradients and factors of real PEFT over AdamW steps (`bench/peers/golden/tuned.py`). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { check } from "../../base/index.ts";
import {
  crossEntropy,
  type DecoderConfig,
  decoderLogits,
  decoderSpec,
  folderFiles,
  importHuggingFace,
  readAdapter,
  writeAdapter,
  writeSafetensors,
} from "../../nn/index.ts";
import { compile, type DeviceArray, openDevice, sizeOf, type Tensor, valueAndGrad } from "../../tensor/index.ts";
import { adamw, createTrainer, single } from "../../train/index.ts";
import { adapterOfTuning, methodOptions, type TrainableArrays, tuningOf } from "./index.ts";
import { lowRankOf } from "./options.ts";

interface Summed {
  readonly shape: readonly number[];
  readonly norm: number;
  readonly products: readonly number[];
  readonly elements: Readonly<Record<string, number>>;
}
interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly base: Readonly<Record<string, number[]>>;
  readonly options: { readonly r: number; readonly lora_alpha: number; readonly target_modules: string | readonly string[] };
  readonly weights: readonly (readonly number[])[];
  readonly batches: readonly { readonly tokens: readonly (readonly number[])[]; readonly targets: readonly (readonly number[])[] }[];
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly gradients: Readonly<Record<string, Summed>>;
  readonly after: Readonly<Record<string, Summed>>;
}
const golden: {
  readonly scale: number;
  readonly settings: Readonly<Record<"learningRate" | "beta1" | "beta2" | "epsilon" | "weightDecay" | "clip", number>>;
  readonly cases: readonly Case[];
} = JSON.parse(readFileSync(new URL("tuned.golden.json", import.meta.url), "utf8"));

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-tuned-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Numbers in [-1, 1) from a name and an index, as `formula` in make.py. */
function formula(name: string, n: number): Float64Array {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(name)) h = Math.imul(h ^ byte, 0x01000193);
  return Float64Array.from({ length: n }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b9) + h) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    return (x >>> 8) / 2 ** 23 - 1;
  });
}
const filled = (name: string, shape: readonly number[]): Float32Array =>
  Float32Array.from(formula(name, sizeOf(shape)), u => (shape.length === 1 && name.endsWith("weight") ? 1 : 0) + golden.scale * u);

/** Their modules, and ours. */
const modules: Readonly<Record<string, string>> = {
  q_proj: "attention.query",
  k_proj: "attention.key",
  v_proj: "attention.value",
  o_proj: "attention.output",
  gate_proj: "feedForward.gate",
  up_proj: "feedForward.up",
  down_proj: "feedForward.down",
};
const theirs = Object.fromEntries(
  Object.entries(modules).map(([name, path]) => [path, `${path.startsWith("attention") ? "self_attn" : "mlp"}.${name}`]),
);
/** `blocks.0.attention.query`, `down` -> the name of their tensor, which lies [out, in] where ours lies [in, out]. */
function theirName(path: string, factor: string): string {
  const [, layer, module] = /^blocks\.(\d+)\.(.+)$/.exec(path)!;
  const tensor = { down: "lora_A.weight", up: "lora_B.weight", magnitude: "lora_magnitude_vector.weight" }[factor];
  return `base_model.model.model.layers.${layer}.${theirs[module!]}.${tensor}`;
}
const transposed = (data: Float32Array, [rows, columns]: readonly [number, number]): Float32Array =>
  Float32Array.from({ length: data.length }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
const inTheirOrder = (factor: string, data: Float32Array, shape: readonly number[]): Float32Array =>
  factor === "up" ? transposed(data, shape as [number, number]) : data;

function expectSame(data: Float32Array, want: Summed, name: string): void {
  const near = (got: number, wanted: number, what: string) =>
    expect(Math.abs(got - wanted) / want.norm, `${name}: ${what}, got ${got}, want ${wanted}`).toBeLessThan(1e-5);
  near(Math.hypot(...data), want.norm, "norm");
  for (const [i, product] of want.products.entries()) {
    const vector = formula(`${name}/${i}`, data.length);
    near(
      data.reduce((s, x, j) => s + x * vector[j]!, 0),
      product,
      `product ${i}`,
    );
  }
  for (const [i, element] of Object.entries(want.elements)) near(data[Number(i)]!, element, `element ${i}`);
}

/** Every factor of a tree, as their tensor. */
async function eachFactor(tree: unknown, hear: (name: string, data: Float32Array) => void): Promise<void> {
  for (const [path, factors] of Object.entries(tree as Record<string, Record<string, DeviceArray>>))
    for (const [factor, array] of Object.entries(factors))
      hear(theirName(path, factor), inTheirOrder(factor, (await array.read()) as Float32Array, array.shape));
}

async function started(of: Case) {
  const folder = mkdtempSync(join(root, "m-"));
  writeFileSync(join(folder, "config.json"), JSON.stringify(of.config));
  const sources = Object.entries(of.base).map(([name, shape]) => ({ name, dtype: "f32" as const, shape, read: () => filled(name, shape) }));
  await writeSafetensors(join(folder, "model.safetensors"), sources);
  const model = await importHuggingFace(folderFiles(folder), device);
  const config = model.config as DecoderConfig;
  const { r, lora_alpha, target_modules } = of.options;
  const targets = typeof target_modules === "string" ? "all" : target_modules.map(m => modules[m]!);
  const method = check(methodOptions, { [of.name]: { rank: r, alpha: lora_alpha, targets } }, "method");
  const tuning = tuningOf(method, decoderSpec(config));
  const { trainable, frozen } = await tuning.start(model.parameters, device, 1);
  for (const [path, factors] of Object.entries(trainable as Record<string, Record<string, DeviceArray>>))
    for (const factor of ["down", "up"] as const) {
      const name = theirName(path, factor);
      const [a, b] = factors[factor]!.shape as [number, number];
      const data = factor === "up" ? transposed(filled(name, [b, a]), [b, a]) : filled(name, [a, b]);
      await factors[factor]!.write(data);
    }
  return { config, model, tuning, trainable, frozen, scale: lowRankOf(method)!.scale };
}

for (const of of golden.cases)
  test(`${of.name}: gradients, losses, norms and factors are PEFT's`, async () => {
    const { config, tuning, trainable, frozen } = await started(of);
    const shape = [of.weights.length, of.weights[0]!.length] as const;
    const weights = Float32Array.from(of.weights.flat());
    const weight = weights.reduce((s, w) => s + w, 0);
    type Batch = { tokens: Tensor; targets: Tensor; weights: Tensor };
    const loss = (p: never, b: Batch, scale: Tensor, f: never) =>
      crossEntropy(decoderLogits(config, tuning.parameters(f, p), b.tokens), b.targets, b.weights, scale);
    const first = of.batches[0]!;
    const gradient = compile((p: never, b: Batch, s: Tensor, f: never) => valueAndGrad(loss)(p, b, s, f)[1], { device });
    const given = {
      tokens: await device.array(Int32Array.from(first.tokens.flat()), "i32", shape),
      targets: await device.array(Int32Array.from(first.targets.flat()), "i32", shape),
      weights: await device.array(weights, "f32", shape),
    };
    let count = 0;
    await eachFactor(await gradient(trainable as never, given, 1 / weight, frozen as never), (name, data) => {
      expectSame(data, of.gradients[name]!, name);
      count++;
    });
    expect(count).toBe(Object.keys(of.gradients).length);
    gradient.dispose();

    const { learningRate, clip, ...adam } = golden.settings;
    const trainer = await createTrainer({
      device,
      specs: tuning.specs,
      loss: loss as never,
      batch: { tokens: { shape, dtype: "i32" }, targets: { shape, dtype: "i32" }, weights: { shape, dtype: "f32" } },
      optimizer: single(adamw(adam)),
      rate: learningRate,
      schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
      steps: of.batches.length,
      clip,
      start: trainable,
      frozen,
    });
    for (const [i, batch] of of.batches.entries()) {
      const arrays = { tokens: Int32Array.from(batch.tokens.flat()), targets: Int32Array.from(batch.targets.flat()), weights };
      const report = await trainer.step([{ arrays, weight }]);
      expect(Math.abs(report.loss - of.losses[i]!), `loss of step ${i + 1}`).toBeLessThan(1e-5);
      expect(Math.abs(report.gradientNorm / of.gradientNorms[i]! - 1), `norm of step ${i + 1}`).toBeLessThan(1e-5);
    }
    await eachFactor(trainer.state.parameters, (name, data) => expectSame(data, of.after[name]!, name));
    trainer.dispose();
  });

test("a tuned adapter is read back from its PEFT folder with the same numbers", async () => {
  const { config, tuning, trainable } = await started(golden.cases[1]!);
  const adapter = await adapterOfTuning(config, tuning, trainable as TrainableArrays);
  const folder = mkdtempSync(join(root, "a-"));
  const writer = {
    write: async (name: string, data: string | Uint8Array) => writeFileSync(join(folder, name), data),
    writeStream: async (name: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
      const all: Uint8Array[] = [];
      for await (const piece of pieces) all.push(piece.slice());
      writeFileSync(join(folder, name), Buffer.concat(all));
    },
  };
  await writeAdapter(writer as never, config, adapter);
  expect((await readAdapter(folderFiles(folder), config)).digest).toBe(adapter.digest);
});
