/** Laws of attention over whole texts: near the definition in float64 for any shape and mask, the same bits beside any neighbours. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { drawnFloats as draws, pagesOf, runKernels, strangePages } from "../memory.laws.ts";
import { attentionCode } from "./attention-code.ts";
import { type AttentionShape, keyBlock, tileRows } from "./attention-shape.ts";

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

/** Runs the kernels over memory that is full of what is no number. */
function run(s: AttentionShape, { q, k, v, mask }: Given): Float32Array {
  const code = attentionCode(s);
  const { out: size } = sizesOf(s);
  const out = strangePages(size + guard);
  const places = [...[q, k, v, ...(s.masks > 0 ? [mask] : [])].map(pagesOf), out, strangePages(code.scratchBytes / 4)];
  runKernels(code, places);
  const found = new Float32Array(out.buffer.slice(0, 4 * (size + guard)));
  for (const p of places) p.free();
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

export function attentionLaws(): void {
  test(`near the definition in float64 for any shape and mask`, () => {
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

  test(`a query that sees nothing gets the average, beside ones that see`, () => {
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

  test(`a text's bits are the same beside any others, and blocks that are hidden are not read`, () => {
    const length = 60;
    const x = given(whole, 5, masked(whole, length, 0));
    const beside: Given = { ...given(whole, 50, x.mask), mask: x.mask };
    const [from, hidden] = [2 * length * whole.keySize, keyBlock * whole.keySize];
    for (const name of ["q", "k", "v"] as const) beside[name].set(x[name].subarray(from), from);
    for (const name of ["k", "v"] as const) beside[name].fill(Number.NaN, 0, hidden);
    const last = (s: Float32Array) => Buffer.from(s.slice(from).buffer);
    expect(last(run(whole, beside)).equals(last(run(whole, x)))).toBe(true);
  });
}
