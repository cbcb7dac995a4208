/** Attention as an operator of ONNX Runtime: no scores in memory, and nothing done for keys that a mask hides. */
import { type AttentionShape, attentionCode } from "../../machine/index.ts";
import type { Operator } from "./onnx-operator.ts";

/** Queries, keys, values, and a mask where there are some, in f32; the result has the dimensions `out`. */
export const attentionOperator = (s: AttentionShape, out: readonly number[]): Operator => ({
  name: `attention_${[s.matrices, s.group, s.queries, s.keys, s.keySize, s.valueSize, s.masks, s.maskRows, s.scale].join("_")}_to_${out.join("x")}`,
  inputs: s.masks > 0 ? ["f32", "f32", "f32", "f32"] : ["f32", "f32", "f32"],
  outputs: [out],
  make: () => attentionCode(s),
});
