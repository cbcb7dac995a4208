/** Laws of the kernels: each element is the sum of products of operands, rounded or as they are, and nothing beside the result is written. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { deep } from "../../../test/support/deep.ts";
import type { MachineTier } from "../features.ts";
import { asBf16 } from "../memory.laws.ts";
import { allocatePages, loadCode, machineFunction } from "../native.ts";
import { productCode, runFields } from "./product-code.ts";
import type { ProductForm, ProductShape } from "./product-shape.ts";

const rounded = (all: Float32Array): Float64Array => Float64Array.from(all, asBf16);

/** The same in float64. */
function expected(s: ProductShape, a: Float32Array, b: Float32Array): Float64Array {
  const out = new Float64Array(s.count * s.rows * s.columns);
  const [ra, rb] = s.form === "f32" ? [a, b] : [rounded(a), rounded(b)];
  for (let g = 0; g < s.count; g++)
    for (let i = 0; i < s.rows; i++)
      for (let k = 0; k < s.inner; k++) {
        const x = s.alpha * ra[g * s.rows * s.inner + (s.transposeA ? k * s.rows + i : i * s.inner + k)]!;
        const from = (s.sharesB ? 0 : g) * s.inner * s.columns;
        for (let j = 0; j < s.columns; j++)
          out[(g * s.rows + i) * s.columns + j]! += x * rb[from + (s.transposeB ? j * s.inner + k : k * s.columns + j)]!;
      }
  return out;
}

function multiplied(s: ProductShape, a: Float32Array, b: Float32Array): Float32Array {
  const { code, packAt, multiplyAt, packItems, multiplyItems, scratchBytes } = productCode(s);
  const address = loadCode(code);
  const outBytes = 4 * s.count * s.rows * s.columns;
  const guard = 4096;
  const places = [4 * a.length, 4 * b.length, outBytes + guard, scratchBytes, 64].map(bytes => allocatePages(bytes));
  const [pa, pb, out, scratch, run] = places as [(typeof places)[0], ...typeof places];
  new Float32Array(pa.buffer).set(a);
  new Float32Array(pb!.buffer).set(b);
  new Uint8Array(out!.buffer).fill(0xab);
  new Uint8Array(scratch!.buffer).fill(0xff); // NaN, unless it is overwritten
  const fields = new BigUint64Array(run!.buffer);
  for (const [name, value] of [
    ["a", pa],
    ["b", pb],
    ["out", out],
    ["scratch", scratch],
  ] as const)
    fields[runFields[name] / 8] = value!.address;
  const [pack, multiply] = [machineFunction(address + BigInt(packAt)), machineFunction(address + BigInt(multiplyAt))];
  for (let i = packItems; i-- > 0; ) pack(run!.address, i);
  for (let i = multiplyItems; i-- > 0; ) multiply(run!.address, i);
  const result = new Float32Array(out!.buffer.slice(0, outBytes));
  expect(new Uint8Array(out!.buffer, outBytes, guard).every(x => x === 0xab)).toBe(true);
  for (const p of places) p.free();
  return result;
}

function check(s: ProductShape, seed: number): void {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  const a = Float32Array.from({ length: s.count * s.rows * s.inner }, next);
  const b = Float32Array.from({ length: (s.sharesB ? 1 : s.count) * s.inner * s.columns }, next);
  const want = expected(s, a, b);
  const got = multiplied(s, a, b);
  const bound = Math.abs(s.alpha) * s.inner * 2 ** -22;
  const worst = got.reduce((most, x, i) => Math.max(most, Math.abs(x - want[i]!)), 0);
  expect(worst, JSON.stringify(s)).toBeLessThanOrEqual(bound);
}

export function productLaws(tier: MachineTier): void {
  /** Rounded operands are there on every processor with vectors of 512 bits; in pairs where it multiplies pairs. */
  const forms: readonly ProductForm[] = tier === "bf16" ? ["bf16"] : ["f32", "rounded"];

  test(`products of any shape are those of the operands in their form, in float32 sums`, () => {
    fc.assert(
      fc.property(
        fc.record({
          form: fc.constantFrom(...forms),
          count: fc.integer({ min: 1, max: 3 }),
          rows: fc.integer({ min: 1, max: 70 }),
          columns: fc.integer({ min: 1, max: 110 }),
          inner: fc.integer({ min: 1, max: 80 }),
          transposeA: fc.boolean(),
          transposeB: fc.boolean(),
          alpha: fc.constantFrom(1, 0.125, -3),
          sharesB: fc.boolean(),
        }),
        fc.nat(),
        check,
      ),
      { numRuns: 100 },
    );
  });

  test(`long sums are taken in pieces, and rows beyond one item's are there`, () => {
    const base = { count: 1, rows: 75, columns: 50, inner: 2700, alpha: 0.5, sharesB: true };
    for (const form of forms)
      for (const transposeA of [false, true])
        for (const transposeB of deep ? [false, true] : [!transposeA]) check({ ...base, form, transposeA, transposeB }, 7);
  });
}
