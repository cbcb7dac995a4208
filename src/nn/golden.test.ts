/**
 * Our families against PyTorch: logits, loss and the gradient of every parameter of toy models, held in `golden/*.golden.json`, which
 * `bench/peers/golden/make.py` made in float64. GPT-2, Llama, Mistral, Qwen, Gemma, BERT, RoBERTa and T5 come in through the Hugging Face importer, and their
 * gradients go out through the exporter, so names, transposes and joins are judged by the same numbers.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { defined } from "../base/index.ts";
import {
  compile,
  type Device,
  type DeviceArray,
  openDevice,
  reshape,
  sizeOf,
  slice,
  type Tensor,
  valueAuxAndGrad,
} from "../tensor/index.ts";
import { type Decoder, decoderLogits } from "./decoder.ts";
import { classLogits, type Encoder, encoderStates, maskedLogits } from "./encoder.ts";
import { type EncoderDecoder, encoderDecoderConfig, encoderDecoderSpec, encodeSource, targetLogits } from "./encoder-decoder.ts";
import type { ModelConfig } from "./families.ts";
import { crossEntropy } from "./losses.ts";
import {
  folderFiles,
  huggingFaceTensors,
  importHuggingFace,
  loadTree,
  openSafetensors,
  readHuggingFaceConfig,
  safetensorsPieces,
  type TensorSource,
  treeSources,
  writeSafetensors,
} from "./weights/index.ts";

interface Golden<C = Record<string, unknown>> {
  readonly scale: number;
  readonly config: C;
  readonly inputs: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly logits: readonly number[];
  readonly loss: number;
  readonly gradients: Readonly<
    Record<string, { shape: number[]; norm: number; products: readonly number[]; elements: Readonly<Record<string, number>> }>
  >;
}
const golden = <C = Record<string, unknown>>(name: string): Golden<C> =>
  JSON.parse(readFileSync(new URL(`golden/${name}.golden.json`, import.meta.url), "utf8"));

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
const weightsOf = (g: Pick<Golden, "gradients" | "scale">): TensorSource[] =>
  Object.entries(g.gradients).map(([name, { shape }]) => ({
    name,
    dtype: "f32",
    shape,
    read: () => Float32Array.from(formula(name, sizeOf(shape)), u => (shape.length === 1 && name.endsWith("weight") ? 1 : 0) + g.scale * u),
  }));
const root = mkdtempSync(join(tmpdir(), "loam-golden-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Largest distance from the golden numbers, as a share of their largest: single elements near zero carry no digits of their own. */
const distance = (got: ArrayLike<number>, want: readonly number[]): number => {
  expect(got.length).toBe(want.length);
  const size = Math.max(...want.map(Math.abs));
  return Math.max(...want.map((w, i) => Math.abs(w - got[i]!))) / size;
};
const tolerance = 1e-5;

async function compareGradients(g: Pick<Golden, "gradients" | "loss">, tensors: readonly TensorSource[]): Promise<void> {
  expect(tensors.map(t => t.name).sort()).toEqual(Object.keys(g.gradients).sort());
  const wrong: string[] = [];
  for (const t of tensors) {
    const want = g.gradients[t.name]!;
    const got = Float64Array.from((await t.read()) as Float32Array);
    expect(t.shape).toEqual(want.shape);
    const norm = Math.hypot(...got);
    const products = [0, 1].map(i => formula(`${t.name}/${i}`, got.length).reduce((s, u, j) => s + u * got[j]!, 0));
    // a bias of keys has no gradient in exact arithmetic (softmax ignores what all keys share): both sides hold rounding noise there
    const size = Math.max(want.norm, 1e-3 * g.loss);
    const errors = [
      norm - want.norm,
      ...products.map((p, i) => p - want.products[i]!),
      ...Object.entries(want.elements).map(([i, e]) => got[Number(i)]! - e),
    ].map(e => Math.abs(e) / size);
    if (Math.max(...errors) > tolerance) wrong.push(`${t.name}: ${Math.max(...errors)}`);
  }
  expect(wrong).toEqual([]);
}

const devices: readonly Device[] = [openDevice("cpu", { threads: 1 }), openDevice("reference")];
const rows = (device: Device, list: readonly (readonly number[])[], dtype: "i32" | "f32") => device.array(list as number[][], dtype);
const totalOf = (g: Pick<Golden, "inputs">): number => g.inputs.weights!.flat().reduce((a, b) => a + b, 0);

type Forward = (model: ModelConfig) => (p: unknown, inputs: Record<string, Tensor>) => Tensor;
const decoder: Forward = m => (p, i) => decoderLogits(m.config as Parameters<typeof decoderLogits>[0], p as Decoder, i.tokens!);
const masked: Forward = m => (p, i) => {
  const c = m.config as Parameters<typeof encoderStates>[0];
  return maskedLogits(c, p as Encoder, encoderStates(c, p as Encoder, i.tokens!, { present: i.present!, ...defined({ types: i.types }) }));
};
const classified: typeof masked = m => (p, i) => {
  const c = m.config as Parameters<typeof encoderStates>[0];
  const states = encoderStates(c, p as Encoder, i.tokens!, { present: i.present! });
  return reshape(classLogits(p as Encoder, slice(states, undefined, [0, 1])), [states.shape[0]!, 1, -1]);
};
const translated: typeof masked = m => (p, i) => {
  const c = m.config as Parameters<typeof targetLogits>[0];
  const q = p as EncoderDecoder;
  const o = { sourcePresent: i.present! };
  return targetLogits(c, q, encodeSource(c, q, i.source!, o), i.tokens!, o);
};
const cases: readonly (readonly [name: string, claim: string, forward: Forward])[] = [
  ["gpt2", "GPT-2", decoder],
  ["llama", "Llama", decoder],
  ["llama-grouped-tied", "Llama with grouped queries, tied tables and biases", decoder],
  ["llama-scaled", "Llama with the scaled rotary angles of 3.1", decoder],
  ["mistral-window", "Mistral with a sliding window", decoder],
  ["qwen2", "Qwen 2 with biases of queries, keys and values", decoder],
  ["qwen3", "Qwen 3 with normalised queries and keys", decoder],
  ["qwen2-yarn", "Qwen 2 with YaRN's angles", decoder],
  ["gemma2", "Gemma 2 with a window in one layer of two and capped scores", decoder],
  ["gemma3", "Gemma 3 with two bases of angles and normalised queries and keys", decoder],
  ["bert", "BERT with padding and sentence kinds", masked],
  ["roberta", "RoBERTa with positions behind the padding token's", masked],
  ["bert-classifier", "a BERT that tells three classes", classified],
  ["t5", "T5 with relative positions and padding", translated],
  ["t5-gated", "T5 1.1 with gates and an output table", translated],
  ["roberta-classifier", "a RoBERTa that tells three classes", classified],
];

/** Runs loss and gradient, and compares all three with the golden numbers. */
async function judge(
  g: Omit<Golden, "config">,
  device: Device,
  parameters: unknown,
  forward: (p: unknown, inputs: Record<string, Tensor>) => Tensor,
  named: (gradients: unknown) => readonly TensorSource[],
): Promise<void> {
  const run = compile(
    (p: unknown, inputs: Record<string, Tensor>) =>
      valueAuxAndGrad((q: unknown) => {
        const logits = forward(q, inputs);
        return [crossEntropy(logits, inputs.targets!, inputs.weights!, 1 / totalOf(g)), logits] as const;
      })(p),
    { device },
  );
  const inputs: Record<string, DeviceArray> = {};
  for (const [name, list] of Object.entries(g.inputs)) inputs[name] = await rows(device, list, name === "weights" ? "f32" : "i32");
  const [loss, logits, gradients] = await run(parameters, inputs);
  expect(distance(await logits.numbers(), g.logits)).toBeLessThan(tolerance);
  expect(Math.abs((await loss.item()) - g.loss) / g.loss).toBeLessThan(tolerance);
  await compareGradients(g, named(gradients));
  run.dispose();
}

for (const device of devices) {
  for (const [name, claim, forward] of cases)
    test(`${claim}: logits, loss and every gradient are PyTorch's (${device.name})`, async () => {
      const g = golden(name);
      const files = folderFiles(join(root, `${name}-${device.name}`));
      await files.write("config.json", JSON.stringify(g.config));
      await files.writeStream("model.safetensors", safetensorsPieces(weightsOf(g)));
      const { model, row } = readHuggingFaceConfig(g.config, name);
      const { parameters } = await importHuggingFace(files, device);
      await judge(g, device, parameters, forward(model), gradients => huggingFaceTensors(row, model, gradients, "gradients"));
    });

  test(`the encoder-decoder with padding: logits, loss and every gradient are those of plain PyTorch (${device.name})`, async () => {
    const g = golden<Parameters<typeof encoderDecoderConfig>[0]>("encoder-decoder");
    const c = encoderDecoderConfig(g.config);
    const path = join(root, `encoder-decoder-${device.name}.safetensors`);
    await writeSafetensors(path, weightsOf(g));
    const file = await openSafetensors(path);
    const parameters = await loadTree(encoderDecoderSpec(c), file, device);
    await file.close();
    await judge(
      g,
      device,
      parameters,
      (p, i) => {
        const q = p as EncoderDecoder;
        const o = { sourcePresent: i.present! };
        return targetLogits(c, q, encodeSource(c, q, i.source!, o), i.tokens!, o);
      },
      gradients => treeSources(gradients),
    );
  });
}

test("the tolerance tells the two forms of GELU apart", async () => {
  const g = golden("gpt2");
  const files = folderFiles(join(root, "gpt2-other"));
  await files.write("config.json", JSON.stringify({ ...g.config, activation_function: "gelu" }));
  await files.writeStream("model.safetensors", safetensorsPieces(weightsOf(g)));
  const model = await importHuggingFace(files, devices[0]!);
  await expect(judge(g, devices[0]!, model.parameters, decoder(model), () => [])).rejects.toThrow(/less than/);
});
