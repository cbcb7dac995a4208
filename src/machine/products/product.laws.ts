/** Laws of the kernels: each element is the sum of products of operands, rounded or as they are, and nothing beside the result is written. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { deep } from "../../../test/support/deep.ts";
import { elementCode } from "../elementwise/element-code.ts";
import type { ElementProgram, ElementType } from "../elementwise/element-program.ts";
import type { MachineTier } from "../features.ts";
import { asBf16, drawnFloats, pagesOf, runKernels, spareElements, strangePages, toBf16Word } from "../memory.laws.ts";
import type { Pages } from "../native.ts";
import { productCode } from "./product-code.ts";
import { canReadWords, type ProductForm, type ProductShape } from "./product-shape.ts";

/** Floats behind a result that nothing may write to. */
const guard = spareElements(1024);

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

/** An operand as it is stored: floats, or words of bf16. */
const storedPages = (x: Float32Array, isWords: boolean | undefined): Pages =>
  isWords ? pagesOf(new Uint8Array(Uint16Array.from(x, toBf16Word).buffer)) : pagesOf(x);

function multiplied(s: ProductShape, a: Float32Array, b: Float32Array): Float32Array {
  const code = productCode(s);
  const size = s.count * s.rows * s.columns;
  const out = strangePages(size + guard);
  // NaN, unless it is overwritten
  const pages = [storedPages(a, s.wordsA), storedPages(b, s.wordsB), out, strangePages(Math.ceil(code.scratchBytes / 4))];
  runKernels(code, pages);
  const result = new Float32Array(out.buffer.slice(0, 4 * (size + guard)));
  for (const p of pages) p.free();
  expect(result.subarray(size).every(Number.isNaN)).toBe(true);
  return result.subarray(0, size);
}

function operandsOf(s: ProductShape, seed: number): readonly [Float32Array, Float32Array] {
  const sizeB = (s.sharesB ? 1 : s.count) * s.inner * s.columns;
  return [drawnFloats(s.count * s.rows * s.inner, seed), drawnFloats(sizeB, seed + 1)];
}

const worstOf = (got: Float32Array, want: Float64Array | Float32Array): number =>
  got.reduce((most, x, i) => Math.max(most, Number.isNaN(x) ? Number.POSITIVE_INFINITY : Math.abs(x - want[i]!)), 0);

function check(s: ProductShape, seed: number): void {
  const [a, b] = operandsOf(s, seed);
  const bound = Math.abs(s.alpha) * s.inner * 2 ** -22;
  expect(worstOf(multiplied(s, a, b), expected(s, a, b)), JSON.stringify(s)).toBeLessThanOrEqual(bound);
}

/** Shapes whose operands are packed or read where they lie, in panels of every width. */
const shapeOf = (forms: readonly ProductForm[]) =>
  fc
    .record({
      form: fc.constantFrom(...forms),
      count: fc.integer({ min: 1, max: 3 }),
      rows: fc.oneof(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 7 }).map(n => 24 * n),
      ),
      columns: fc.oneof(fc.integer({ min: 1, max: 110 }), fc.constantFrom(16, 32, 48, 64, 80, 96)),
      inner: fc.oneof(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 9 }).map(n => 8 * n),
      ),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      alpha: fc.constantFrom(1, 0.125, -3),
      sharesB: fc.boolean(),
      wordsA: fc.boolean(),
      wordsB: fc.boolean(),
    })
    .map(
      (s): ProductShape => ({
        ...s,
        wordsA: s.wordsA && canReadWords(s.form, s.inner, !s.transposeA),
        wordsB: s.wordsB && canReadWords(s.form, s.inner, s.transposeB),
      }),
    );

export function productLaws(tier: MachineTier): void {
  /** Rounded operands are there on every processor with vectors of 512 bits; in pairs where it multiplies pairs. */
  const forms: readonly ProductForm[] = tier === "bf16" ? ["bf16"] : ["f32", "rounded"];

  test(`products of any shape are those of the operands in their form, in float32 sums`, () => {
    fc.assert(fc.property(shapeOf(forms), fc.nat(), check), { numRuns: deep ? 600 : 200 });
  });

  test(`long sums are taken in pieces, and rows beyond one item's are there`, () => {
    const base = { count: 1, rows: 75, columns: 50, inner: 2700, alpha: 0.5, sharesB: true };
    for (const form of forms)
      for (const transposeA of [false, true])
        for (const transposeB of deep ? [false, true] : [!transposeA]) check({ ...base, form, transposeA, transposeB }, 7);
  });
  test(`operands stored as words give the bits of the same numbers as floats`, () => {
    fc.assert(
      fc.property(shapeOf(forms), fc.nat(), (s, seed) => {
        const [a, b] = operandsOf(s, seed);
        const floats = { ...s, wordsA: false, wordsB: false };
        expect(multiplied(s, a, b)).toEqual(multiplied(floats, a, b));
      }),
      { numRuns: 100 },
    );
  });

  test(`a program over elements applied to the rows of a product gives what it gives to the whole product`, () => {
    fc.assert(
      fc.property(
        shapeOf(forms),
        fc.record({
          isKept: fc.boolean(),
          sumsRows: fc.boolean(),
          outputTypes: fc.array(fc.constantFrom<ElementType[]>("f32", "bf16"), { minLength: 1, maxLength: 3 }),
        }),
        fc.nat(),
        (given, { isKept, sumsRows, outputTypes }, seed) => {
          const s = { ...given, count: 1 };
          const program: ElementProgram = {
            shape: [s.rows, s.columns],
            columns: s.columns,
            inputs: ["all", "row", "all"],
            steps: [
              { kind: "add", of: [2, 1] },
              { kind: "mul", of: [3, 0] },
              sumsRows ? { kind: "sumRow", of: [4] } : { kind: "sub", of: [4, { constant: 0.5 }] },
              { kind: "add", of: [5, 2] },
            ],
            outputs: outputTypes.map((_, i) => [6, 4, 3][i]!),
            outputTypes,
          };
          const [a, b] = operandsOf(s, seed);
          const [residual, bias] = [drawnFloats(s.rows * s.columns, seed + 2), drawnFloats(s.columns, seed + 3)];
          const whole = multiplied(s, a, b);
          const size = s.rows * s.columns;
          const want = outputTypes.map(() => strangePages(size + guard));
          runKernels(elementCode(program), [pagesOf(residual), pagesOf(bias), pagesOf(whole), ...want]);
          const code = productCode(s, { program, product: 2, isKept });
          const got = [...(isKept ? [strangePages(size + guard)] : []), ...outputTypes.map(() => strangePages(size + guard))];
          const given2 = [storedPages(a, s.wordsA), storedPages(b, s.wordsB), pagesOf(residual), pagesOf(bias)];
          runKernels(code, [...given2, ...got, strangePages(Math.ceil(code.scratchBytes / 4))]);
          const results = got.map(p => new Uint32Array(p.buffer.slice(0, 4 * (size + guard))));
          if (isKept) expect(new Float32Array(results.shift()!.buffer).subarray(0, size)).toEqual(whole);
          expect(results).toEqual(want.map(p => new Uint32Array(p.buffer.slice(0, 4 * (size + guard)))));
        },
      ),
      { numRuns: 60 },
    );
  });
}
