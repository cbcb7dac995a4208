/** Products of matrices as operators of ONNX Runtime. */
import {
  type ItemCode,
  multiplyCode,
  type ProductShape,
  packRowsCode,
  packWeightCode,
  pairColumns,
  productKey,
  type StrassenShape,
  type StrassenWeight,
  strassenLayout,
  tierProductCode,
  usableProductTier,
} from "../../machine/index.ts";
import type { Operator } from "./onnx-operator.ts";

/** The operator whose result has the dimensions `out`, by the code of a tier; there is one wherever a product has a form. */
export const productOperator = (s: ProductShape, out: readonly number[], tier = usableProductTier(s.form) ?? "avx512"): Operator => ({
  name: `product_${tier}_${productKey(s)}_to_${out.join("x")}`,
  inputs: ["f32", "f32"],
  outputs: [out],
  make: () => tierProductCode(tier, s),
});

const oneKernel = ({ code, items }: ItemCode) => ({ code, kernels: [{ at: 0, items }], scratchBytes: 0 });

/** [rows, inner] as the seven products read it: several products of the same rows read one. */
export const strassenRowsOperator = (s: Pick<StrassenShape, "rows" | "inner">): Operator => ({
  name: `strassen_rows_${s.rows}_${s.inner}`,
  inputs: ["f32"],
  outputs: [[strassenLayout({ ...s, columns: pairColumns }).rowsFloats]],
  make: () => oneKernel(packRowsCode(s)),
});

/** The product of such rows and of a weight as `packStrassen` leaves it; the result has the dimensions `out`. */
export const strassenOperator = (s: StrassenShape, out: readonly number[]): Operator => ({
  name: `strassen_${s.rows}_${s.columns}_${s.inner}_${s.alpha}_to_${out.join("x")}`,
  inputs: ["f32", "f32"],
  outputs: [out],
  make: () => oneKernel(multiplyCode(s)),
});

/** A weight as the seven products read it, but for columns that are no whole pair of panels (`packPair`). */
export const strassenWeightOperator = (w: StrassenWeight): Operator => ({
  name: `strassen_weight_${w.columns}_${w.inner}_${w.transposed}`,
  inputs: ["f32"],
  outputs: [[strassenLayout({ ...w, rows: 0 }).weightFloats]],
  make: () => oneKernel(packWeightCode(w)),
});
