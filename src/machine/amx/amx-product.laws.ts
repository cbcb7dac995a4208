/** Laws of products in tiles: by an emulation of the code everywhere, its packing by the processor where that rounds to bf16, all of it where there are tiles. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { hasTier } from "../features.ts";
import { drawnFloats, pagesOf, runKernels, strangePages } from "../memory.laws.ts";
import { checkProduct, type Multiply, multiplyBy, productShapes } from "../products/product-cases.laws.ts";
import type { ProductShape } from "../products/product-shape.ts";
import { amxConstants, amxLayout, amxProductCode } from "./amx-product.ts";
import { EmulatedAssembler, EmulatedMemory } from "./tile-emulator.laws.ts";

const bytesOf = (x: Float32Array) => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
const noNumbers = (length: number) => bytesOf(new Float32Array(length).fill(Number.NaN));

/** Emulates the code: `packs` alone, or the product too. */
function emulated(
  s: ProductShape,
  a: Float32Array,
  b: Float32Array,
  packs = false,
): { readonly scratch: Uint8Array; readonly out: Float32Array } {
  const memory = new EmulatedMemory();
  const assembler = new EmulatedAssembler(memory);
  const constants = BigInt(memory.add(amxConstants()));
  const code = amxProductCode(s, { assembler, constants });
  const places = [bytesOf(a), bytesOf(b), noNumbers(s.count * s.rows * s.columns), noNumbers(code.scratchBytes / 4)].map(x =>
    memory.add(x),
  );
  const record = memory.add(new Uint8Array(BigUint64Array.from(places, BigInt).buffer));
  for (const { at, items } of packs ? code.kernels.slice(0, 1) : code.kernels) for (let i = items; i-- > 0; ) assembler.run(at, record, i);
  return { scratch: memory.bytes(places[3]!), out: new Float32Array(memory.bytes(places[2]!).buffer) };
}
const byEmulation: Multiply = (s, a, b) => emulated(s, a, b).out;

/** Two turns of tiles and a rest in every direction. */
const long: Omit<ProductShape, "transposeA" | "transposeB"> = {
  form: "bf16",
  count: 1,
  rows: 150,
  columns: 70,
  inner: 75,
  alpha: 1,
  sharesB: true,
};

/** What holds on every machine. */
export function emulatedTileLaws(): void {
  test("products of any shape are those of the rounded operands, in float32 sums", () => {
    fc.assert(
      fc.property(productShapes(["bf16"]), fc.nat(), (s, seed) => checkProduct(s, seed, byEmulation)),
      { numRuns: 15 },
    );
    for (const transposeA of [false, true]) checkProduct({ ...long, transposeA, transposeB: !transposeA }, 3, byEmulation);
  });

  const canRound = hasTier("bf16");
  const why = canRound ? "" : " (skipped: no Linux on a processor with bf16)";
  test.skipIf(!canRound)(`the processor packs tiles to the bytes that the emulation has${why}`, () => {
    fc.assert(
      fc.property(productShapes(["bf16"]), fc.nat(), (s, seed) => {
        const a = drawnFloats(s.count * s.rows * s.inner, seed);
        const b = drawnFloats((s.sharesB ? 1 : s.count) * s.inner * s.columns, seed + 1);
        const code = amxProductCode(s);
        const scratch = strangePages(code.scratchBytes / 4);
        const pages = [pagesOf(a), pagesOf(b), strangePages(1), scratch];
        runKernels({ ...code, kernels: code.kernels.slice(0, 1) }, pages);
        const got = Buffer.from(scratch.buffer.slice(0, amxLayout(s).bytes));
        for (const p of pages) p.free();
        expect(got.equals(Buffer.from(emulated(s, a, b, true).scratch)), JSON.stringify(s)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });
}

/** What holds where there are tiles. */
export function tileProductLaws(): void {
  const multiply = multiplyBy(amxProductCode);
  test("products of any shape are those of the rounded operands, in float32 sums", () => {
    fc.assert(
      fc.property(productShapes(["bf16"]), fc.nat(), (s, seed) => checkProduct(s, seed, multiply)),
      { numRuns: 100 },
    );
    for (const transposeA of [false, true]) checkProduct({ ...long, inner: 2700, transposeA, transposeB: !transposeA }, 3, multiply);
  });
}
