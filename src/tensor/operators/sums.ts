/** Sums as operators of ONNX Runtime made of machine code, where the engine's own go over memory too often. */
import { type AddRows, addRowsCode, type FloatTier, squaresCode, usableFloatTier } from "../../machine/index.ts";
import type { Operator } from "./onnx-operator.ts";

/** Inputs: the places, the rows, and the table where there is one. */
export const addRowsOperator = (o: AddRows, tier: FloatTier = usableFloatTier() ?? "avx512"): Operator => ({
  name: `add_rows_${tier}_${o.shape.join("x")}_${o.count}_${o.places}_${o.hasTable ? "table" : "zeros"}`,
  inputs: [o.places, "f32", ...(o.hasTable ? (["f32"] as const) : [])],
  outputs: [o.shape],
  make: () => addRowsCode(o, tier),
});

/** Of one input of so many elements; the result has the dimensions `out`, of one element. */
export const squaresOperator = (size: number, out: readonly number[], tier: FloatTier = usableFloatTier() ?? "avx512"): Operator => ({
  name: `squares_${tier}_${size}_to_${out.join("x")}`,
  inputs: ["f32"],
  outputs: [out],
  make: () => squaresCode(size, tier),
});
