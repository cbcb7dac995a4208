/** Ten AdamW steps of a toy GPT-2 against PyTorch's, number by number: `adamw` in gpt2.golden.json, made by bench/peers/golden/make.py. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  crossEntropy,
  type DecoderConfig,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  folderFiles,
  importHuggingFace,
  type TensorsOf,
  writeSafetensors,
} from "../nn/index.ts";
import { type DeviceArray, openDevice, sizeOf, type Tensor } from "../tensor/index.ts";
import { adamw, optimizerStateShapes, single } from "./optimizer.ts";
import { createTrainer } from "./trainer.ts";

interface Golden {
  readonly scale: number;
  readonly config: object;
  readonly gradients: Readonly<Record<string, { readonly shape: number[] }>>;
  readonly adamw: {
    readonly learningRate: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    readonly weightDecay: number;
    readonly clip: number;
    readonly decays: readonly string[];
    readonly losses: readonly number[];
    readonly gradientNorms: readonly number[];
    readonly batches: readonly { readonly tokens: number[][]; readonly targets: number[][] }[];
  };
}
const golden = JSON.parse(readFileSync(new URL("../nn/golden/gpt2.golden.json", import.meta.url), "utf8")) as Golden;

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

const root = mkdtempSync(join(tmpdir(), "loam-adamw-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("ten AdamW steps with clipping and decay give PyTorch's losses and gradient norms", async () => {
  const { adamw: o } = golden;
  writeFileSync(join(root, "config.json"), JSON.stringify(golden.config));
  await writeSafetensors(
    join(root, "model.safetensors"),
    Object.entries(golden.gradients).map(([name, { shape }]) => ({
      name,
      dtype: "f32",
      shape,
      read: () =>
        Float32Array.from(formula(name, sizeOf(shape)), u => (shape.length === 1 && name.endsWith("weight") ? 1 : 0) + golden.scale * u),
    })),
  );
  const device = openDevice("cpu", { threads: 1 });
  const model = await importHuggingFace(folderFiles(root), device);
  const config = model.config as DecoderConfig;
  const specs = decoderSpec(config);
  const optimizer = single(adamw({ beta1: o.beta1, beta2: o.beta2, epsilon: o.epsilon, weightDecay: o.weightDecay }));
  const zeros: Record<string, Record<string, DeviceArray>> = {};
  for (const [path, members] of Object.entries(optimizerStateShapes(optimizer, specs))) {
    zeros[path] = {};
    for (const [name, s] of Object.entries(members)) zeros[path]![name] = await device.zeros(s.shape);
  }
  const [b, t] = [o.batches[0]!.tokens.length, o.batches[0]!.tokens[0]!.length];
  const shape = [b, t];
  const trainer = await createTrainer<DecoderSpec, { tokens: Tensor; targets: Tensor; weights: Tensor }>(
    {
      device,
      specs,
      loss: (p: TensorsOf<DecoderSpec>, x, scale) => crossEntropy(decoderLogits(config, p, x.tokens), x.targets, x.weights, scale),
      batch: { tokens: { shape, dtype: "i32" }, targets: { shape, dtype: "i32" }, weights: { shape, dtype: "f32" } },
      optimizer,
      rate: o.learningRate,
      schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
      steps: o.batches.length,
      clip: o.clip,
    },
    { parameters: model.parameters as never, optimizer: zeros, step: 0, level: null, spikes: 0 },
  );
  for (const [i, batch] of o.batches.entries()) {
    const weights = new Float32Array(b * t).fill(1);
    const report = await trainer.step([
      { arrays: { tokens: Int32Array.from(batch.tokens.flat()), targets: Int32Array.from(batch.targets.flat()), weights }, weight: b * t },
    ]);
    expect(report.loss, `loss of step ${i + 1}`).toBeCloseTo(o.losses[i]!, 4);
    expect(report.gradientNorm, `norm of step ${i + 1}`).toBeCloseTo(o.gradientNorms[i]!, 3);
  }
});
