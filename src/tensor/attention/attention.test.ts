/** Laws of attention in one operator: near the definition in float64 for any shape and mask, the same bits on any threads and beside any neighbours. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { canFuse } from "../elementwise/index.ts";
import { compile, constant, type DeviceArray, mul, openDevice, scaledDotProductAttention, type Tensor } from "../index.ts";
import { allocatePages, loadCode, machineFunction, type Pages } from "../machine/index.ts";
import { attentionCode } from "./code.ts";
import { type AttentionShape, attentionOf, keyBlock, mostKeysOf, tileRows } from "./shape.ts";

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

interface Given {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly mask: Float32Array;
}
const sizesOf = (s: AttentionShape) => ({
  q: s.matrices * s.group * s.queries * s.keySize,
  k: s.matrices * s.keys * s.keySize,
  v: s.matrices * s.keys * s.valueSize,
  mask: s.masks * s.maskRows * s.keys,
  out: s.matrices * s.group * s.queries * s.valueSize,
});
const guard = 256;

/** Runs the kernels, the last item first, over memory that is full of what is no number. */
function run(s: AttentionShape, { q, k, v, mask }: Given): Float32Array {
  const { code, kernels, scratchBytes } = attentionCode(s);
  const holding = (data: Float32Array): Pages => {
    const pages = allocatePages(4 * data.length);
    new Float32Array(pages.buffer).set(data);
    return pages;
  };
  const strange = (length: number) => holding(new Float32Array(length).fill(Number.NaN));
  const { out: size } = sizesOf(s);
  const places = [
    holding(q),
    holding(k),
    holding(v),
    ...(s.masks > 0 ? [holding(mask)] : []),
    strange(size + guard),
    strange(scratchBytes / 4),
  ];
  const record = allocatePages(64);
  new BigUint64Array(record.buffer).set(places.map(p => p.address));
  const start = loadCode(code);
  for (const { at, items } of kernels) {
    const f = machineFunction(start + BigInt(at));
    for (let i = items; i-- > 0; ) f(record.address, i);
  }
  const found = new Float32Array(places.at(-2)!.buffer.slice(0, 4 * (size + guard)));
  for (const p of [record, ...places]) p.free();
  expect(found.subarray(size).every(Number.isNaN)).toBe(true);
  return found.subarray(0, size);
}

/** The definition, in float64; a score and its mask are one float32, as they are everywhere. */
function defined(s: AttentionShape, { q, k, v, mask }: Given): Float64Array {
  const out = new Float64Array(sizesOf(s).out);
  for (let n = 0; n < s.matrices; n++)
    for (let g = 0; g < s.group; g++)
      for (let i = 0; i < s.queries; i++) {
        const row = (n * s.group + g) * s.queries + i;
        const scores = Array.from({ length: s.keys }, (_, j) => {
          let x = 0;
          for (let d = 0; d < s.keySize; d++) x += q[row * s.keySize + d]! * k[(n * s.keys + j) * s.keySize + d]!;
          const m = s.masks > 0 ? Math.floor(n / (s.matrices / s.masks)) : 0;
          return Math.fround(x * s.scale + (s.masks > 0 ? mask[(m * s.maskRows + (i % s.maskRows)) * s.keys + j]! : 0));
        });
        const most = scores.reduce((a, b) => Math.max(a, b));
        const weights = scores.map(x => Math.exp(x - most));
        const total = weights.reduce((a, b) => a + b);
        weights.forEach((w, j) => {
          for (let e = 0; e < s.valueSize; e++)
            out[row * s.valueSize + e] = out[row * s.valueSize + e]! + (w / total) * v[(n * s.keys + j) * s.valueSize + e]!;
        });
      }
  return out;
}

/** Texts of one length side by side, each causal; every eleventh number of the mask is an ordinary one. */
function masked(s: AttentionShape, length: number, offset: number): Float32Array {
  return Float32Array.from({ length: sizesOf(s).mask }, (_, at) => {
    const [i, j] = [Math.floor(at / s.keys) % s.maskRows, at % s.keys];
    const sees = Math.floor((i + offset) / length) === Math.floor((j + offset) / length) && (j <= i || j >= s.queries);
    return sees ? (at % 11 === 0 ? -0.5 : 0) : -1e9;
  });
}

const given = (s: AttentionShape, seed: number, mask: Float32Array): Given => {
  const sizes = sizesOf(s);
  return { q: draws(sizes.q, seed), k: draws(sizes.k, seed + 1), v: draws(sizes.v, seed + 2), mask };
};

const furthest = (a: Float32Array, b: Float64Array): number => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

hereTest(`near the definition in float64 for any shape and mask${why}`, () => {
  const shapes = fc.record({
    texts: fc.integer({ min: 1, max: 2 }),
    heads: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 3 }),
    queries: fc.integer({ min: tileRows, max: 40 }),
    keys: fc.integer({ min: 1, max: 150 }),
    keySize: fc.constantFrom(16, 32, 48, 64, 80),
    valueSize: fc.constantFrom(16, 32, 64, 80, 144),
    masks: fc.constantFrom("none", "all", "text", "head"),
    isShared: fc.boolean(),
    length: fc.integer({ min: 1, max: 100 }),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(shapes, ({ texts, heads, masks, isShared, length, seed, ...rest }) => {
      const count = { none: 0, all: 1, text: texts, head: texts * heads }[masks];
      const s = { ...rest, matrices: texts * heads, masks: count, maskRows: isShared ? 1 : rest.queries, scale: 1.5 };
      const x = given(s, seed, masked(s, length, seed & 15));
      // below 1 each: a score of so many is off by rounding, a result is an average
      expect(furthest(run(s, x), defined(s, x))).toBeLessThan(2e-5);
    }),
    { numRuns: 40, seed: 7 },
  );
});

const whole: AttentionShape = {
  matrices: 1,
  group: 1,
  queries: 180,
  keys: 180,
  keySize: 32,
  valueSize: 32,
  masks: 1,
  maskRows: 180,
  scale: 0.2,
};

hereTest(`a query that sees nothing gets the average, beside ones that see${why}`, () => {
  const mask = masked(whole, 20, 0);
  for (const i of [0, 7, 100, 179]) mask.fill(-1e9, i * whole.keys, (i + 1) * whole.keys);
  const x = given(whole, 3, mask);
  const got = run(whole, x);
  expect(furthest(got, defined(whole, x))).toBeLessThan(2e-5);
  for (let e = 0; e < whole.valueSize; e++) {
    let mean = 0;
    for (let j = 0; j < whole.keys; j++) mean += x.v[j * whole.valueSize + e]! / whole.keys;
    expect(Math.abs(got[7 * whole.valueSize + e]! - mean)).toBeLessThan(1e-5);
  }
});

hereTest(`a text's bits are the same beside any others, and blocks that are hidden are not read${why}`, () => {
  const length = 60;
  const x = given(whole, 5, masked(whole, length, 0));
  const beside: Given = { ...given(whole, 50, x.mask), mask: x.mask };
  const [from, hidden] = [2 * length * whole.keySize, keyBlock * whole.keySize];
  for (const name of ["q", "k", "v"] as const) beside[name].set(x[name].subarray(from), from);
  for (const name of ["k", "v"] as const) beside[name].fill(Number.NaN, 0, hidden);
  const last = (s: Float32Array) => Buffer.from(s.slice(from).buffer);
  expect(last(run(whole, beside)).equals(last(run(whole, x)))).toBe(true);
});

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
      expect(of([12, size], [keys, size], [keys, size]) !== undefined, `${size} ${keys}`).toBe(keys <= mostKeysOf(size));
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
  const s: AttentionShape = { matrices: b * kv, group: g, queries: t, keys: t, keySize: d, valueSize: d, masks: b, maskRows: t, scale: 1 };
  const arrays = [...[0, 1, 2].map(i => draws(size(shapes[i]!), i)), masked(s, 23, 0)];
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
  expect(furthest(own, Float64Array.from(plain))).toBeLessThan(1e-5);
  expect(
    Buffer.from(own.buffer, own.byteOffset, own.byteLength).equals(Buffer.from(threaded.buffer, threaded.byteOffset, threaded.byteLength)),
  ).toBe(true);
});
