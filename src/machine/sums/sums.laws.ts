/** Laws of sums: rows are added in their order, wherever they go; squares are summed in one order. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { MachineTier } from "../features.ts";
import { type FloatTier, floatTierOf } from "../float-tier.ts";
import { allocatePages, drawnFloats, pagesOf, runKernels, spareElements, strangePages } from "../memory.laws.ts";
import { arrayFunction, loadCode } from "../native.ts";
import { addArraysCode, addedElements } from "./add-arrays.ts";
import { type AddRows, addRowsCode } from "./add-rows.ts";
import { squaresCode } from "./squares.ts";

const guard = spareElements(64);

function addedRows(floatTier: FloatTier, s: AddRows, places: Int32Array, rows: Float32Array, table: Float32Array): Float32Array {
  const size = s.shape.reduce((n, d) => n * d, 1);
  const out = strangePages(size + guard);
  const at = pagesOf(s.places === "i32" ? places : BigInt64Array.from(places, BigInt));
  const pages = [at, pagesOf(rows), ...(s.hasTable ? [pagesOf(table)] : []), out];
  runKernels(addRowsCode(s, floatTier), pages);
  const found = new Float32Array(out.buffer.slice(0, 4 * (size + guard)));
  for (const p of pages) p.free();
  expect(found.subarray(size).every(Number.isNaN)).toBe(true);
  return found.subarray(0, size);
}

export function sumsLaws(tier: MachineTier): void {
  const floatTier = floatTierOf(tier);
  test("rows are added to a table or to zeros in their order, with the bits of float32; a place outside the table is no row's", () => {
    fc.assert(
      fc.property(
        fc.record({
          height: fc.integer({ min: 1, max: 1500 }),
          columns: fc.integer({ min: 1, max: 70 }),
          count: fc.integer({ min: 1, max: 300 }),
          places: fc.constantFrom("i32" as const, "i64" as const),
          hasTable: fc.boolean(),
        }),
        fc.nat(),
        ({ height, columns, count, places, hasTable }, seed) => {
          const at = Int32Array.from(drawnFloats(count, seed), x => Math.floor((x + 1) * 0.55 * height) - 1);
          const [rows, table] = [drawnFloats(count * columns, seed + 1), drawnFloats(height * columns, seed + 2)];
          const want = hasTable ? table.slice() : new Float32Array(height * columns);
          for (const [i, row] of at.entries())
            if (row >= 0 && row < height) for (let c = 0; c < columns; c++) want[row * columns + c]! += rows[i * columns + c]!;
          const got = addedRows(floatTier, { shape: [height, columns], count, places, hasTable }, at, rows, table);
          expect(got.findIndex((x, i) => x !== want[i])).toBe(-1);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each([1, 15, 16, 63, 64, 100, 16_384, 16_385, 50_000, 100_003])("the squares of %i numbers add up to what float64 gives", size => {
    const xs = drawnFloats(size, 3);
    const code = squaresCode(size, floatTier);
    const pages = [pagesOf(xs), allocatePages(4), strangePages(code.scratchBytes / 4)] as const;
    runKernels(code, pages);
    const got = new Float32Array(pages[1].buffer)[0]!;
    for (const p of pages) p.free();
    const want = xs.reduce((total, x) => total + x * x, 0);
    expect(Math.abs(got - want)).toBeLessThanOrEqual(1e-6 * want);
  });

  test.each([0, 1, 2, 5, 257])(
    "%i times 64 numbers are added one by one, into a third array or either of the two, and nothing beside them",
    times => {
      const size = addedElements * times;
      const add = arrayFunction(loadCode(addArraysCode(floatTier)));
      const [x, y] = [drawnFloats(size, 1), drawnFloats(size, 2)];
      const want = x.map((v, i) => v + y[i]!);
      const pages = [pagesOf(x), pagesOf(y), strangePages(size + guard)] as const;
      const [a, b, into] = pages.map(p => new Float32Array(p.buffer));
      const isSum = (got: Float32Array) => got.subarray(0, size).every((v, i) => v === want[i]);
      add(a!, b!, into!, size);
      expect(isSum(into!)).toBe(true);
      expect(into!.subarray(size, size + guard).every(Number.isNaN)).toBe(true);
      expect(a!.subarray(0, size)).toEqual(x);
      for (const k of [0, 1]) {
        const both = [x.slice(), y.slice()] as const;
        add(both[0], both[1], both[k]!, size);
        expect(isSum(both[k]!)).toBe(true);
      }
      for (const p of pages) p.free();
    },
  );
}
