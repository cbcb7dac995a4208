/** Laws of FlashAttention: forward and backward near the definition in float64 for any shape and sight, zero where nothing is seen, the same bits. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { deep } from "../../../test/support/deep.ts";
import type { MachineTier } from "../features.ts";
import type { KernelCode } from "../kernel-code.ts";
import { asBf16, drawnFloats as draws, pagesOf, runKernels, strangePages } from "../memory.laws.ts";
import { flashBackwardCode } from "./flash-backward.ts";
import { flashForwardCode } from "./flash-forward.ts";
import { type FlashForm, type FlashShape, flashKeys, tileQueries } from "./flash-shape.ts";

interface Given {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  /** The cotangent of the result. */
  readonly d: Float32Array;
  readonly queryIds: Int32Array;
  readonly keyIds: Int32Array;
  readonly keyEnds: Int32Array;
}
const sizesOf = (s: FlashShape) => {
  const heads = s.batch * s.kvHeads * s.group;
  return { q: heads * s.queries * s.size, k: s.batch * s.kvHeads * s.keys * s.size, rows: heads * s.queries };
};
const guard = 256;

/** Runs code over its inputs, whose outputs and scratch are full of what is no number. */
function run(code: KernelCode, inputs: readonly (Float32Array | Int32Array)[], outputs: readonly number[]): Float32Array[] {
  const found = outputs.map(n => strangePages(n + guard));
  const places = [...inputs.map(pagesOf), ...found, strangePages(code.scratchBytes / 4)];
  runKernels(code, places);
  const results = outputs.map((n, i) => {
    const all = new Float32Array(found[i]!.buffer.slice(0, 4 * (n + guard)));
    expect(all.subarray(n).every(Number.isNaN)).toBe(true);
    return all.subarray(0, n);
  });
  for (const p of places) p.free();
  return results;
}
const idsOf = (s: FlashShape, x: Given) =>
  s.segments === "none" ? [] : s.segments === "equal" ? [x.queryIds, x.keyIds] : [x.queryIds, x.keyIds, x.keyEnds];

function computed(s: FlashShape, x: Given) {
  const { q, k, rows } = sizesOf(s);
  const [out, logSums] = run(flashForwardCode(s), [x.q, x.k, x.v, ...idsOf(s, x)], [q, rows]) as [Float32Array, Float32Array];
  const inputs = [x.q, x.k, x.v, out, logSums, x.d, ...idsOf(s, x)];
  const [dq, dk, dv] = run(flashBackwardCode(s), inputs, [q, k, k]) as [Float32Array, Float32Array, Float32Array];
  return { out, logSums, dq, dk, dv };
}

function sees(s: FlashShape, x: Given, b: number, i: number, j: number): boolean {
  const at = i + s.offset;
  if (s.causal && j > at) return false;
  if (s.window !== undefined && (at - j >= s.window || (!s.causal && j - at >= s.window))) return false;
  if (s.segments === "none") return true;
  const [id, key] = [x.queryIds[b * s.queries + i]!, b * s.keys + j];
  return s.segments === "equal" ? id === x.keyIds[key] : x.keyIds[key]! <= id && id < x.keyEnds[key]!;
}

/** The definition and its derivative, in float64, of operands as they are multiplied. */
function defined(s: FlashShape, given: Given) {
  const operand = (all: Float32Array) => (s.form === "bf16" ? all.map(asBf16) : all);
  const x: Given = { ...given, q: operand(given.q), k: operand(given.k), v: operand(given.v), d: operand(given.d) };
  const { q, k, rows } = sizesOf(s);
  const out = new Float64Array(q);
  const logSums = new Float64Array(rows);
  const [dq, dk, dv] = [new Float64Array(q), new Float64Array(k), new Float64Array(k)];
  // the same with no sign: what rounding is a share of, where terms cancel
  const sizes = {
    out: new Float64Array(q),
    logSums: new Float64Array(rows),
    dq: new Float64Array(q),
    dk: new Float64Array(k),
    dv: new Float64Array(k),
  };
  const n = s.size;
  for (let row = 0; row < rows; row++) {
    const [head, i] = [Math.floor(row / s.queries), row % s.queries];
    const matrix = Math.floor(head / s.group);
    const b = Math.floor(matrix / s.kvHeads);
    const keys = Array.from({ length: s.keys }, (_, j) => j).filter(j => sees(s, x, b, i, j));
    const dot = (a: ArrayLike<number>, p: number, c: ArrayLike<number>, r: number) => {
      let t = 0;
      for (let e = 0; e < n; e++) t += a[p * n + e]! * c[r * n + e]!;
      return t;
    };
    const scores = keys.map(j => s.scale * dot(x.q, row, x.k, matrix * s.keys + j));
    const most = Math.max(...scores);
    const total = scores.reduce((t, y) => t + Math.exp(y - most), 0);
    logSums[row] = keys.length ? most + Math.log(total) : Number.POSITIVE_INFINITY;
    const weights = scores.map(y => Math.exp(y - most) / total);
    weights.forEach((w, c) => {
      for (let e = 0; e < n; e++) out[row * n + e] = out[row * n + e]! + w * x.v[(matrix * s.keys + keys[c]!) * n + e]!;
    });
    const delta = dot(x.d, row, out, row);
    weights.forEach((w, c) => {
      const key = matrix * s.keys + keys[c]!;
      const product = dot(x.d, row, x.v, key);
      const change = s.scale * w * (product - delta);
      const size = s.scale * w * (Math.abs(product) + Math.abs(delta));
      for (let e = 0; e < n; e++) {
        dv[key * n + e] = dv[key * n + e]! + w * x.d[row * n + e]!;
        dq[row * n + e] = dq[row * n + e]! + change * x.k[key * n + e]!;
        dk[key * n + e] = dk[key * n + e]! + change * x.q[row * n + e]!;
        sizes.dq[row * n + e] = sizes.dq[row * n + e]! + size * Math.abs(x.k[key * n + e]!);
        sizes.dk[key * n + e] = sizes.dk[key * n + e]! + size * Math.abs(x.q[row * n + e]!);
      }
    });
  }
  return { out, logSums, dq, dk, dv, sizes };
}

/** Documents of about one length side by side; ranges are those of a document and all behind it of the same three. */
function given(s: FlashShape, seed: number, length: number): Given {
  const { q, k } = sizesOf(s);
  const ids = (count: number) =>
    Int32Array.from({ length: s.batch * count }, (_, at) => Math.floor(((at % count) + (seed & 7) + Math.floor(at / count)) / length));
  const keyIds = ids(s.keys);
  return {
    q: draws(q, seed),
    k: draws(k, seed + 1),
    v: draws(k, seed + 2),
    d: draws(q, seed + 3),
    queryIds: ids(s.queries),
    keyIds,
    keyEnds: keyIds.map(i => 3 * Math.floor(i / 3) + 3),
  };
}

/** The furthest that numbers are from what is wanted, beside the greatest of those, of `sizes` and 1. */
function furthest(got: Float32Array, want: Float64Array, sizes: Float64Array): number {
  const greatest = (all: Float64Array) => all.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
  const size = Math.max(greatest(want), greatest(sizes));
  return got.reduce((most, x, i) => {
    if (x === want[i]) return most;
    const off = Math.abs(x - want[i]!) / size;
    return off > most || Number.isNaN(off) ? off : most;
  }, 0);
}

/** Bounds of `furthest`: of bf16, weights and their changes are rounded by 2^-9 of each. */
const bounds: Readonly<Record<FlashForm, number>> = { f32: 1e-5, bf16: 8e-3 };

function check(s: FlashShape, x: Given): void {
  const [got, want] = [computed(s, x), defined(s, x)];
  for (const name of ["out", "logSums", "dq", "dk", "dv"] as const)
    expect(furthest(got[name], want[name], want.sizes[name]), `${name} of ${JSON.stringify(s)}`).toBeLessThan(bounds[s.form]);
}

const base: FlashShape = {
  form: "f32",
  batch: 1,
  kvHeads: 1,
  group: 1,
  queries: 200,
  keys: 200,
  size: 32,
  scale: 0.3,
  causal: true,
  offset: 0,
  segments: "none",
};
const same = (a: Float32Array, b: Float32Array): boolean => Buffer.from(a.slice().buffer).equals(Buffer.from(b.slice().buffer));

export function flashLaws(tier: MachineTier): void {
  const form: FlashForm = tier === "bf16" ? "bf16" : "f32";

  test("forward and backward are near the definition in float64 for any shape, sight and numbers", () => {
    const shapes = fc.record({
      batch: fc.integer({ min: 1, max: 2 }),
      kvHeads: fc.integer({ min: 1, max: 2 }),
      group: fc.integer({ min: 1, max: 3 }),
      queries: fc.integer({ min: 1, max: 120 }),
      keys: fc.integer({ min: 1, max: 230 }),
      size: fc.constantFrom(16, 32, 48, 64, 80, 96, 112, 128),
      scale: fc.constantFrom(0.125, 0.5, 1.5),
      causal: fc.boolean(),
      offset: fc.constantFrom(0, 0, 3, -5, 60),
      window: fc.option(fc.integer({ min: 1, max: 130 }), { nil: undefined }),
      segments: fc.constantFrom("none", "equal", "range"),
    });
    fc.assert(
      fc.property(shapes, fc.integer(), fc.integer({ min: 1, max: 100 }), ({ window, ...rest }, seed, length) => {
        const s: FlashShape = { ...rest, form, ...(window === undefined ? {} : { window }) };
        check(s, given(s, seed, length));
      }),
      { numRuns: deep ? 200 : 60, seed: 11 },
    );
  });

  test("a query that sees nothing gives 0, changes nothing and spoils nothing", () => {
    const s: FlashShape = { ...base, form, segments: "equal", causal: false };
    const x = given(s, 3, 60);
    for (const i of [0, 17, 48, 199]) x.queryIds[i] = 1000;
    const got = computed(s, x);
    check(s, x);
    for (const i of [0, 17, 48, 199]) {
      expect(got.logSums[i]).toBe(Number.POSITIVE_INFINITY);
      for (const name of ["out", "dq"] as const) expect(got[name].subarray(i * s.size, (i + 1) * s.size).every(y => y === 0)).toBe(true);
    }
    // no query at all sees a key
    const none = { ...x, queryIds: x.queryIds.map(() => 1000) };
    const zeros = computed(s, none);
    for (const name of ["out", "dq", "dk", "dv"] as const) expect(zeros[name].every(y => y === 0)).toBe(true);
  });

  test("blocks that are hidden by causality, a window or numbers are not looked at, and their neighbours' bits do not change", () => {
    const length = 2 * flashKeys;
    const s: FlashShape = { ...base, form, queries: 2 * length, keys: 2 * length, segments: "equal" };
    const x = given(s, 8, length);
    const ids = x.keyIds.map((_, i) => Math.floor(i / length));
    const whole = computed(s, { ...x, queryIds: ids, keyIds: ids });
    const spoiled = { ...x, queryIds: ids, keyIds: ids, k: x.k.slice(), v: x.v.slice(), q: x.q.slice(), d: x.d.slice() };
    for (const name of ["q", "k", "v", "d"] as const) spoiled[name].fill(Number.NaN, 0, length * s.size);
    const beside = computed(s, spoiled);
    for (const name of ["out", "dq", "dk", "dv"] as const)
      expect(same(beside[name].subarray(length * s.size), whole[name].subarray(length * s.size)), name).toBe(true);
    for (const [sight, from] of [
      [{ causal: true }, flashKeys],
      [{ causal: false, window: 40 }, 40 + 2 * tileQueries + flashKeys],
    ] as const) {
      const wide: FlashShape = { ...base, form, ...sight };
      const y = given({ ...wide, queries: 400, keys: 400 }, 9, 1);
      const all = { ...wide, queries: 400, keys: 400 };
      const far = { ...y, k: y.k.slice().fill(Number.NaN, from * s.size), v: y.v.slice().fill(Number.NaN, from * s.size) };
      const [near, other] = [computed(all, y), computed(all, far)];
      const seen = tileQueries * s.size;
      expect(same(near.out.subarray(0, seen), other.out.subarray(0, seen))).toBe(true);
      expect(same(near.dq.subarray(0, seen), other.dq.subarray(0, seen))).toBe(true);
    }
  });

  test("what is no number is passed on, and great scores overflow nothing", () => {
    const s: FlashShape = { ...base, form, queries: 60, keys: 60 };
    const x = given(s, 4, 1);
    const broken = { ...x, k: x.k.slice() };
    broken.k[20 * s.size + 3] = Number.NaN;
    const { out } = computed(s, broken);
    expect(out.subarray(0, 20 * s.size).every(Number.isFinite)).toBe(true);
    expect(out.subarray(20 * s.size).every(Number.isNaN)).toBe(true);
    const great = { ...x, q: x.q.map(y => 1e5 * y), k: x.k.map(y => 1e5 * y) };
    for (const all of Object.values(computed(s, great))) expect(all.every(Number.isFinite)).toBe(true);
  });
}
