/** FlashAttention as operators inside ONNX Runtime: which nodes they compute, and that a training step with them computes what one without does. */
import { expect, test } from "vitest";
import {
  compile,
  type DeviceArray,
  flashAttention,
  grad,
  mul,
  nodesOf,
  openDevice,
  sum,
  type Tensor,
  tanh,
  valueAndGrad,
} from "../index.ts";
import { canFuse } from "./elementwise.ts";
import { flashOf } from "./flash.ts";

const isHere = canFuse();
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
const sizeOf = (shape: readonly number[]) => shape.reduce((n, x) => n * x, 1);
const isSame = (a: Float32Array, b: Float32Array) =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

test("which shapes the operators compute", () => {
  const of = (q: number[], k: number[], v: number[], ids = 0) =>
    flashOf("f32", [q, k, v], ids, { scale: 1, sight: { causal: true, window: 9 } });
  expect(of([2, 6, 12, 64], [2, 3, 20, 64], [2, 3, 20, 64], 2)).toEqual({
    form: "f32",
    batch: 2,
    kvHeads: 3,
    group: 2,
    queries: 12,
    keys: 20,
    size: 64,
    scale: 1,
    causal: true,
    offset: 0,
    window: 9,
    segments: "equal",
  });
  expect(of([1, 1, 1, 16], [1, 1, 1, 16], [1, 1, 1, 16])).toBeDefined();
  expect(of([1, 1, 9, 24], [1, 1, 9, 24], [1, 1, 9, 24])).toBeUndefined(); // no multiple of 16
  expect(of([1, 1, 9, 144], [1, 1, 9, 144], [1, 1, 9, 144])).toBeUndefined();
  expect(of([1, 1, 9, 16], [1, 1, 9, 16], [1, 1, 9, 32])).toBeUndefined(); // values of another size
});

const devices = isHere ? [1, 2].map(threads => openDevice("cpu", { threads })) : [];
const [b, heads, kv, t, d] = [2, 6, 2, 150, 32];
const shapes = { q: [b, heads, t, d], k: [b, kv, t, d], v: [b, kv, t, d] };
type Heads = { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor };
/** Documents of 60 side by side. */
const documents = Int32Array.from({ length: b * t }, (_, i) => Math.floor(((i % t) + 7 * Math.floor(i / t)) / 60));

/** The loss and its gradients on a device. */
async function stepOn(n: number, products: "f32" | "bf16", fuse: boolean, window?: number) {
  const device = devices[n]!;
  const given = Object.fromEntries(
    await Promise.all(
      Object.entries(shapes).map(async ([name, s], i) => [name, await device.array(draws(sizeOf(s), i + 1), "f32", s)] as const),
    ),
  ) as { readonly [K in keyof Heads]: DeviceArray };
  const segments = await device.array(documents, "i32", [b, t]);
  const loss = ({ q, k, v }: Heads, ids: Tensor) => {
    const y = flashAttention(q, k, v, { causal: true, segments: { queries: ids, keys: ids }, ...(window ? { window } : {}) });
    return sum(mul(tanh(y), y));
  };
  const program = compile(valueAndGrad(loss), { device, fuse, products });
  const kinds = new Set(nodesOf(await program.prepare(given, segments)).map(x => x.kind));
  expect(kinds.has("flashGradient")).toBe(fuse);
  expect(kinds.has("softmax")).toBe(!fuse);
  const [value, gradients] = await program(given, segments);
  const read = async (x: DeviceArray) => (await x.read()) as Float32Array;
  const found = [await read(value), ...(await Promise.all([gradients.q, gradients.k, gradients.v].map(read)))];
  program.dispose();
  return found;
}

for (const [products, bound] of [
  ["f32", 2e-5],
  ["bf16", 2e-2],
] as const)
  hereTest(
    `a step with the operators computes what one without does, ${products} within ${bound}, the same bits on two threads${why}`,
    async () => {
      for (const window of [undefined, 40]) {
        const plain = await stepOn(0, "f32", false, window);
        const own = await stepOn(0, products, true, window);
        const threaded = await stepOn(1, products, true, window);
        own.forEach((x, i) => {
          const greatest = plain[i]!.reduce((most, y) => Math.max(most, Math.abs(y)), 1);
          const furthest = x.reduce((most, y, j) => Math.max(most, Math.abs(y - plain[i]![j]!)), 0);
          expect(furthest / greatest, `result ${i}`).toBeLessThan(bound);
          expect(isSame(x, threaded[i]!)).toBe(true);
        });
      }
    },
  );

hereTest(`heads that no operator computes, and 16-bit floats, are expanded${why}`, async () => {
  const kindsOf = async (size: number, dtype: "f32" | "f16") => {
    const spec = { shape: [1, 1, 20, size], dtype };
    const program = compile((q: Tensor, k: Tensor, v: Tensor) => grad((x: Tensor) => sum(flashAttention(x, k, v, { causal: true })))(q), {
      device: devices[0]!,
      fuse: true,
    });
    const kinds = nodesOf(await program.prepare(spec, spec, spec)).map(x => x.kind);
    program.dispose();
    return kinds;
  };
  expect(await kindsOf(16, "f32")).toContain("flashGradient");
  for (const kinds of [await kindsOf(24, "f32"), await kindsOf(16, "f16")])
    expect(kinds.some(kind => kind.startsWith("flash"))).toBe(false);
});

hereTest(`the memory of a step grows with the length, and not with its square${why}`, async () => {
  const peakOf = async (length: number): Promise<number> => {
    const device = devices[0]!;
    const spec = [1, 2, length, 16];
    const given = await Promise.all([1, 2, 3].map(seed => device.array(draws(sizeOf(spec), seed), "f32", spec)));
    const program = compile(
      (q: Tensor, k: Tensor, v: Tensor) => grad((x: Tensor) => sum(mul(flashAttention(x, k, v, { causal: true }), q)))(q),
      { device, fuse: true, measureMemory: true },
    );
    (await program(given[0]!, given[1]!, given[2]!)).dispose();
    const peak = program.peakBytes()!;
    program.dispose();
    for (const x of given) x.dispose();
    return peak;
  };
  const [short, long] = [await peakOf(512), await peakOf(2048)];
  expect(long).toBeLessThan(8 * short);
  // one matrix of scores alone is as large
  expect(long).toBeLessThan(2048 * 2048 * 4);
});
