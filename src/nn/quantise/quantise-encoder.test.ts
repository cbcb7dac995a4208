import { expect, test } from "vitest";
import { random, type Tree, treeLeaves } from "../../base/index.ts";
import { compile, type DeviceArray, openDevice, type Tensor } from "../../tensor/index.ts";
import { bertConfig, type Encoder, encoderSpec, encoderStates, meanPooled } from "../encoder.ts";
import { disposeTree, initialise } from "../parameters.ts";
import { calibrateEncoder, quantiseEncoder } from "./quantise-encoder.ts";

const device = openDevice("cpu", { threads: 1 });
const config = { ...bertConfig({ vocab: 97, width: 64, layers: 3, heads: 4, context: 24 }), deviation: 0.1 };
const parameters = await initialise(encoderSpec(config), device, "encoder in 8 bits");
const program = compile((p: Encoder, t: Tensor) => meanPooled(encoderStates(config, p, t)), { device, constant: [0] });
const r = random("texts");
const vectorsOf = async (p: typeof parameters, texts: readonly (readonly number[])[]) => {
  const tokens = await device.array(Int32Array.from(texts.flat()), "i32", [texts.length, texts[0]!.length]);
  return (await program(p, tokens)).numbers();
};
const texts = Array.from({ length: 6 }, () => Array.from({ length: 12 }, () => r.below(97)));
const bytes = (p: typeof parameters) =>
  treeLeaves<DeviceArray>(p as Tree<DeviceArray>).reduce((n, a) => n + a.memory.host()!.byteLength, 0);

test("vectors in 8 bits point where the float ones do, their matrices take a quarter, and nothing is shared with the floats", async () => {
  const quantised = await quantiseEncoder(parameters, device);
  const [a, b] = [await vectorsOf(parameters, texts), await vectorsOf(quantised, texts)];
  for (let i = 0; i < texts.length; i++) {
    const cosine = a.subarray(i * 64, (i + 1) * 64).reduce((sum, x, k) => sum + x * b[i * 64 + k]!, 0);
    expect(cosine).toBeGreaterThan(0.995);
    expect(cosine).toBeLessThan(1 - 1e-7);
  }
  const matrices = 3 * (4 * 64 * 64 + 2 * 64 * 256);
  const scales = 3 * (4 * 64 + 256 + 64);
  expect(bytes(parameters) - bytes(quantised)).toBe(3 * matrices - 4 * scales);
  disposeTree(quantised);
  expect(await vectorsOf(parameters, texts)).toEqual(a);
});

test("whatever channels are divided by, what is added to them is whole again: vectors stay where they are", async () => {
  const want = await vectorsOf(parameters, texts);
  const wild = () => Float32Array.from({ length: config.width }, () => 0.2 + 20 * r.uniform());
  const ranges = parameters.blocks.map(() => ({ attention: wild(), feedForward: wild() }));
  const got = await vectorsOf(await quantiseEncoder(parameters, device, { ranges }), texts);
  for (let i = 0; i < texts.length; i++)
    expect(want.subarray(i * 64, (i + 1) * 64).reduce((sum, x, k) => sum + x * got[i * 64 + k]!, 0)).toBeGreaterThan(0.99);
});

test("a range is the greatest magnitude of a channel over all texts", async () => {
  const loud = await initialise(encoderSpec(config), device, "encoder in 8 bits");
  for (const { norm1 } of loud.blocks) (norm1.weight.memory.host() as Float32Array)[7] = 6;
  const [quiet, noisy, one] = [
    await calibrateEncoder(config, parameters, device, texts),
    await calibrateEncoder(config, loud, device, texts),
    await calibrateEncoder(config, parameters, device, texts.slice(0, 1)),
  ];
  expect(noisy[0]!.feedForward[7]! / quiet[0]!.feedForward[7]!).toBeCloseTo(6, 4);
  expect(noisy[0]!.feedForward[8]).toBe(quiet[0]!.feedForward[8]);
  for (const [i, range] of one.entries())
    for (const [c, x] of range.attention.entries()) expect(x).toBeLessThanOrEqual(quiet[i]!.attention[c]!);
});

test("a text's states have the same bits alone and beside others", async () => {
  const quantised = await quantiseEncoder(parameters, device);
  const states = compile((p: Encoder, t: Tensor) => encoderStates(config, p, t), { device, constant: [0] });
  const statesOf = async (some: readonly (readonly number[])[]) =>
    (await states(quantised, await device.array(Int32Array.from(some.flat()), "i32", [some.length, 12]))).numbers();
  const all = await statesOf(texts);
  for (const [i, text] of texts.entries()) expect(await statesOf([text])).toEqual(all.slice(i * 12 * 64, (i + 1) * 12 * 64));
});

test("consumed floats are gone, and the result is the same", async () => {
  const own = await initialise(encoderSpec(config), device, "encoder in 8 bits");
  const quantised = await quantiseEncoder(own, device, { consume: true });
  expect(() => own.blocks[0]!.attention.query.weight.memory).toThrow();
  expect(await vectorsOf(quantised, texts)).toEqual(await vectorsOf(await quantiseEncoder(parameters, device), texts));
});
