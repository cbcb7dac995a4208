/** For laws of products: drawn shapes, the definition in float64, and a kernel's result in memory that is full of what is no number before. */
import fc from "fast-check";
import { expect } from "vitest";
import type { KernelCode } from "../kernel-code.ts";
import { asBf16, drawnFloats, pagesOf, runKernels, spareElements, strangePages } from "../memory.laws.ts";
import type { ProductForm, ProductShape } from "./product-shape.ts";

export const productShapes = (forms: readonly ProductForm[]) =>
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
  });

function definition(s: ProductShape, a: Float32Array, b: Float32Array): Float64Array {
  const out = new Float64Array(s.count * s.rows * s.columns);
  const [ra, rb] = s.form === "f32" ? [a, b] : [Float64Array.from(a, asBf16), Float64Array.from(b, asBf16)];
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

/** A kernel's way from two operands to the result. */
export type Multiply = (s: ProductShape, a: Float32Array, b: Float32Array) => Float32Array;

/** Runs a kernel's code, whose scratch and result are no numbers before; nothing behind the result is written. */
export const multiplyBy =
  (codeOf: (s: ProductShape) => KernelCode): Multiply =>
  (s, a, b) => {
    const code = codeOf(s);
    const [size, spare] = [s.count * s.rows * s.columns, spareElements(1024)];
    const out = strangePages(size + spare);
    const pages = [pagesOf(a), pagesOf(b), out, strangePages(Math.ceil(code.scratchBytes / 4))];
    runKernels(code, pages);
    const found = new Float32Array(out.buffer.slice(0, 4 * (size + spare)));
    for (const p of pages) p.free();
    expect(found.subarray(size).every(Number.isNaN)).toBe(true);
    return found.subarray(0, size);
  };

/** Each element is the sum of products of the operands in their form, as near as sums in float32 are. */
export function checkProduct(s: ProductShape, seed: number, multiply: Multiply): void {
  const a = drawnFloats(s.count * s.rows * s.inner, seed);
  const b = drawnFloats((s.sharesB ? 1 : s.count) * s.inner * s.columns, seed + 1);
  const want = definition(s, a, b);
  const got = multiply(s, a, b);
  const bound = Math.abs(s.alpha) * s.inner * 2 ** -22;
  const worst = got.reduce((most, x, i) => Math.max(most, Number.isNaN(x) ? Number.POSITIVE_INFINITY : Math.abs(x - want[i]!)), 0);
  expect(worst, JSON.stringify(s)).toBeLessThanOrEqual(bound);
}
