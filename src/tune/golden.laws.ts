/** What tests against golden numbers share: the models of `bench/peers/golden/make.py`, and gradients kept as norms and a few elements. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { folderFiles, importHuggingFace, writeSafetensors } from "../nn/index.ts";
import { type Device, type DeviceArray, sizeOf } from "../tensor/index.ts";

/** Numbers in [-1, 1) from a name and an index, as `formula` in make.py. */
export function formula(name: string, n: number): Float64Array {
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

export interface GoldenModel {
  readonly scale: number;
  readonly config: object;
  readonly base: Readonly<Record<string, number[]>>;
}
/** Writes a golden's model into a folder and reads it. `prefix` is what its weights' names begin with in the formula, and not in the file. */
export async function goldenModel({ scale, config, base }: GoldenModel, folder: string, device: Device, prefix = "") {
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const read = (name: string, shape: number[]) =>
    Float32Array.from(formula(`${prefix}${name}`, sizeOf(shape)), u => (shape.length === 1 && name.endsWith("weight") ? 1 : 0) + scale * u);
  const sources = Object.entries(base).map(([name, shape]) => ({ name, dtype: "f32" as const, shape, read: () => read(name, shape) }));
  await writeSafetensors(join(folder, "model.safetensors"), sources);
  return importHuggingFace(folderFiles(folder), device);
}

export interface Summed {
  readonly norm: number;
  readonly elements: Readonly<Record<string, number>>;
}
/** Our paths of weights of a Llama whose gradients are kept. */
const kept: Readonly<Record<string, (p: never) => DeviceArray>> = {
  "model.layers.0.self_attn.q_proj.weight": (p: { blocks: { attention: { query: { weight: DeviceArray } } }[] }) =>
    p.blocks[0]!.attention.query.weight,
  "model.layers.1.mlp.down_proj.weight": (p: { blocks: { feedForward: { down: { weight: DeviceArray } } }[] }) =>
    p.blocks[1]!.feedForward.down.weight,
  "model.embed_tokens.weight": (p: { token: DeviceArray }) => p.token,
};
/** Gradients of a Llama are the golden ones, to 5e-5 of their norms. */
export async function expectGradients(found: unknown, gradients: Readonly<Record<string, Summed>>, name: string): Promise<void> {
  for (const [weight, want] of Object.entries(gradients)) {
    const array = kept[weight]!(found as never);
    const data = (await array.read()) as Float32Array;
    expect(Math.abs(Math.hypot(...data) / want.norm - 1), `${name}: ${weight}`).toBeLessThan(5e-5);
    const [rows, columns] = array.shape as [number, number];
    for (const [i, element] of Object.entries(want.elements)) {
      const at = Number(i);
      // theirs lie [out, in], but a table lies the same way in both
      const ours = weight.includes("embed") ? data[at]! : data[(at % rows) * columns + Math.floor(at / rows)]!;
      expect(Math.abs(ours - element) / want.norm, `${name}: ${weight}[${i}]`).toBeLessThan(5e-5);
    }
  }
}
