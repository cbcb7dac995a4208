/** Laws of products for AVX2: any shape near float64, long sums, and no instruction that AVX2 lacks. */
import fc from "fast-check";
import { test } from "vitest";
import { deep } from "../../../test/support/deep.ts";
import { checkProduct, multiplyBy, productShapes } from "../products/product-cases.laws.ts";
import { avx2ProductCode } from "./avx2-product.ts";

const forms = ["f32", "rounded"] as const;
const multiply = multiplyBy(avx2ProductCode);

export function avx2ProductLaws(): void {
  test("products of any shape are those of the operands in their form, in float32 sums", () => {
    fc.assert(
      fc.property(productShapes(forms), fc.nat(), (s, seed) => checkProduct(s, seed, multiply)),
      { numRuns: 100 },
    );
  });

  test("long sums are taken in pieces, and rows and columns beyond one item's are there", () => {
    const base = { count: 1, rows: 107, columns: 140, inner: 270, alpha: 0.5, sharesB: true };
    for (const form of forms)
      for (const transposeA of [false, true])
        for (const transposeB of deep ? [false, true] : [!transposeA]) checkProduct({ ...base, form, transposeA, transposeB }, 7, multiply);
  });
}
