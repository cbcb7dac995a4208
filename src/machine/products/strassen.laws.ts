/** Laws of products in seven: near the product in float64, whatever stands in memory before; weights packed by machine code are those packed in words. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { allocatePages, drawnFloats as draws, pagesOf as holding, runKernels, spareElements, strangePages } from "../memory.laws.ts";
import type { Pages } from "../native.ts";
import { type ItemCode, multiplyCode, packRowsCode, packWeightCode } from "./strassen-code.ts";
import { isStrassen, type StrassenShape, strassenLayout } from "./strassen-shape.ts";
import { packPair, type StrassenWeight, wholePairs } from "./strassen-weights.ts";

const runs = ({ code, items }: ItemCode, ...places: readonly Pages[]): void => runKernels({ code, kernels: [{ at: 0, items }] }, places);

/** A weight as machine code packs it, and in words what it leaves out; or all in words. */
function packed(b: Float32Array, w: StrassenWeight, byCode: boolean): Float32Array {
  const { weightFloats, pairs } = strassenLayout({ ...w, rows: 0 });
  const [from, to] = [holding(b), allocatePages(4 * weightFloats)];
  if (byCode && wholePairs(w) > 0) runs(packWeightCode(w), from, to);
  const out = new Float32Array(to.buffer.slice(0, 4 * weightFloats));
  for (let pair = byCode ? wholePairs(w) : 0; pair < pairs; pair++) packPair(b, w, pair, out);
  for (const p of [from, to]) p.free();
  return out;
}

const guard = spareElements(1024);

function product(s: StrassenShape, a: Float32Array, weight: Float32Array): Float32Array {
  const size = s.rows * s.columns;
  const [from, rows, b, out] = [holding(a), strangePages(strassenLayout(s).rowsFloats), holding(weight), strangePages(size + guard)];
  runs(packRowsCode(s), from!, rows!);
  runs(multiplyCode(s), rows!, b!, out!);
  const result = new Float32Array(out!.buffer.slice(0, 4 * (size + guard)));
  for (const p of [from, rows, b, out]) p!.free();
  expect(result.subarray(size).every(Number.isNaN)).toBe(true);
  return result.subarray(0, size);
}

function check({ transposed, ...s }: StrassenShape & Pick<StrassenWeight, "transposed">, seed: number): void {
  const { rows, columns, inner, alpha } = s;
  const [a, b] = [draws(rows * inner, seed), draws(inner * columns, seed + 1)];
  const got = product(s, a, packed(b, { columns, inner, transposed }, true));
  // both operands are below 1: an element is off by rounding of sums of four, of so many of them
  const bound = Math.abs(alpha) * inner * 2 ** -20;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j += 1 + ((i + j) % 5)) {
      let want = 0;
      for (let k = 0; k < inner; k++) want += a[i * inner + k]! * b[transposed ? j * inner + k : k * columns + j]!;
      const off = Math.abs(got[i * columns + j]! - alpha * want);
      if (!(off <= bound)) expect.fail(`row ${i}, column ${j} of ${JSON.stringify(s)}: off by ${off}, allowed ${bound}`);
    }
}

export function strassenLaws(): void {
  test(`products of any shape are near float64's`, () => {
    fc.assert(
      fc.property(
        fc.record({
          rows: fc.integer({ min: 1, max: 20 }).map(n => 16 * n),
          columns: fc.integer({ min: 96, max: 400 }),
          inner: fc.integer({ min: 64, max: 350 }).map(n => 2 * n),
          alpha: fc.constantFrom(1, 0.125, -2),
          transposed: fc.boolean(),
        }),
        fc.nat(),
        (s, seed) => {
          fc.pre(isStrassen(s));
          check(s, seed);
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each([
    { rows: 256, columns: 864, inner: 576 }, // more pairs than an item has
    { rows: 144, columns: 192, inner: 1536 }, // several blocks of inner places, and a last tile of eight and eight rows
  ])(`%j`, s => {
    for (const transposed of [false, true]) check({ ...s, alpha: 1, transposed }, 7);
  });

  test(`machine code packs weights as words do`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 96, max: 400 }),
        fc.integer({ min: 64, max: 400 }).map(n => 2 * n),
        fc.boolean(),
        fc.nat(),
        (columns, inner, transposed, seed) => {
          fc.pre(isStrassen({ rows: 16, columns, inner }));
          const b = draws(columns * inner, seed);
          const w = { columns, inner, transposed };
          const [code, words] = [packed(b, w, true), packed(b, w, false)];
          expect(code.length).toBe(words.length);
          expect(code.findIndex((x, i) => x !== words[i])).toBe(-1);
        },
      ),
      { numRuns: 20 },
    );
  });
}
