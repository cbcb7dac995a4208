/** Which attentions are operators, and that a program with them computes what one without does. */
import { expect, test } from "vitest";
import { mostAttentionKeys, usableFeatures } from "../../machine/index.ts";
import { compile, constant, type DeviceArray, mul, openDevice, scaledDotProductAttention, type Tensor } from "../index.ts";
import { attentionOf } from "./attention-of.ts";

const isHere = usableFeatures().wide512;
const why = isHere ? "" : " (skipped: no Linux on a processor with AVX-512)";
const hereTest = test.skipIf(!isHere);

/** Numbers in (-1, 1) from a seed. */
function draws(length: number, seed: number): Float32Array {
  let state = seed | 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

test("which shapes the operator computes", () => {
  const of = (q: number[], k: number[], v: number[], mask?: number[]) => attentionOf(q, k, v, mask, 1);
  const base = { queries: 12, keys: 20, keySize: 16, valueSize: 32, scale: 1 };
  expect(of([12, 16], [20, 16], [20, 32])).toEqual({ ...base, matrices: 1, group: 1, masks: 0, maskRows: 0 });
  expect(of([2, 3, 12, 16], [2, 3, 20, 16], [2, 3, 20, 32], [2, 1, 12, 20])).toEqual({
    ...base,
    matrices: 6,
    group: 1,
    masks: 2,
    maskRows: 12,
  });
  expect(of([2, 3, 4, 12, 16], [2, 3, 1, 20, 16], [2, 3, 1, 20, 32], [2, 1, 1, 12, 20])).toEqual({
    ...base,
    matrices: 6,
    group: 4,
    masks: 2,
    maskRows: 12,
  });
  expect(of([2, 3, 4, 12, 16], [2, 3, 1, 20, 16], [2, 3, 1, 20, 32], [12, 20])?.masks).toBe(1);
  expect(of([2, 3, 12, 16], [2, 3, 20, 16], [2, 3, 20, 32], [1, 3, 12, 20])).toBeUndefined(); // a mask a head
  expect(of([3, 4, 12, 16], [3, 1, 20, 16], [3, 1, 20, 32], [3, 4, 12, 20])).toBeUndefined();
  expect(of([12, 16], [20, 16], [20, 32], [1, 20])).toMatchObject({ masks: 1, maskRows: 1 });
  expect(of([12, 16], [20, 16], [20, 32], [12, 1])).toBeUndefined();
  expect(of([5, 16], [20, 16], [20, 32])).toBeUndefined(); // a few queries
  expect(of([12, 24], [20, 24], [20, 32])).toBeUndefined();
  for (const size of [16, 24, 256, 272])
    for (const keys of [8192, 8193])
      expect(of([12, size], [keys, size], [keys, size]) !== undefined, `${size} ${keys}`).toBe(keys <= mostAttentionKeys(size));
  expect(of([2, 12, 16], [20, 16], [20, 32])).toBeUndefined();
});

const devices = isHere ? [1, 2].map(threads => openDevice("cpu", { threads })) : [];

hereTest(`a program that asks for it computes what one does that does not, with the same bits on two threads${why}`, async () => {
  const [b, kv, g, t, d] = [2, 2, 3, 70, 32];
  const shapes = [
    [b, kv, g, t, d],
    [b, kv, 1, t, d],
    [b, kv, 1, t, d],
    [b, 1, 1, t, t],
  ] as const;
  const size = (s: readonly number[]) => s.reduce((n, x) => n * x, 1);
  // texts of 23 side by side, each causal; every eleventh number of the mask is an ordinary one
  const mask = Float32Array.from({ length: size(shapes[3]) }, (_, at) => {
    const [i, j] = [Math.floor(at / t) % t, at % t];
    return j <= i && Math.floor(i / 23) === Math.floor(j / 23) ? (at % 11 === 0 ? -0.5 : 0) : -1e9;
  });
  const arrays = [...[0, 1, 2].map(i => draws(size(shapes[i]!), i)), mask];
  const found: Float32Array[] = [];
  for (const [n, attention] of [
    [0, false],
    [0, true],
    [1, true],
  ] as const) {
    const device = devices[n]!;
    const given = await Promise.all(arrays.map((x, i) => device.array(x, "f32", shapes[i]!)));
    const program = compile(
      (xs: readonly Tensor[]) =>
        mul(scaledDotProductAttention(xs[0]!, xs[1]!, xs[2]!, xs[3]!, 0.3), constant(Float32Array.of(2), "f32", [1])),
      { device, fuse: true, attention },
    );
    const kinds = (await program.prepare(given)).outputs[0]!.inputs.map(x => x.kind);
    expect(kinds.includes("attention")).toBe(attention);
    found.push((await ((await program(given)) as DeviceArray).read()) as Float32Array);
    program.dispose();
  }
  const [plain, own, threaded] = found as [Float32Array, Float32Array, Float32Array];
  expect(own.reduce((most, x, i) => Math.max(most, Math.abs(x - plain[i]!)), 0)).toBeLessThan(1e-5);
  expect(
    Buffer.from(own.buffer, own.byteOffset, own.byteLength).equals(Buffer.from(threaded.buffer, threaded.byteOffset, threaded.byteLength)),
  ).toBe(true);
});
