/** A product as an operator of ONNX Runtime. */
import type { Operator } from "../operators/index.ts";
import { productCode } from "./code.ts";
import { keyOf, type ProductShape } from "./shape.ts";

/** The operator whose result has the dimensions `out`. */
export const productOperator = (s: ProductShape, out: readonly number[]): Operator => ({
  name: `product_${keyOf(s)}_to_${out.join("x")}`,
  inputs: ["f32", "f32"],
  outputs: [out],
  make() {
    const { code, packAt, multiplyAt, packItems, multiplyItems, scratchBytes } = productCode(s);
    return {
      code,
      kernels: [
        { at: packAt, items: packItems },
        { at: multiplyAt, items: multiplyItems },
      ],
      scratchBytes,
    };
  },
});
