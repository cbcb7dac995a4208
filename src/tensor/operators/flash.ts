/** FlashAttention as operators of ONNX Runtime: the result and its log sums are one, the gradients of queries, keys and values another. */
import { type FlashForm, type FlashShape, flashBackwardCode, flashForwardCode, flashKey, isFlash } from "../../machine/index.ts";
import type { OpAttributes } from "../ops.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { Operator } from "./onnx-operator.ts";

/** What attention of arrays of these shapes is; `ids` are shapes of numbers. Undefined where the operators do not compute such heads. */
export function flashOf(
  form: FlashForm,
  [q, k, v]: readonly Shape[],
  ids: number,
  { scale, sight }: OpAttributes["flashAttention"],
): FlashShape | undefined {
  const [batch, heads, queries, size] = q as [number, number, number, number];
  const [, kvHeads, keys] = k as [number, number, number, number];
  const dimensions = { batch, kvHeads, group: heads / kvHeads, queries, keys, size };
  if (v![3] !== size || !isFlash(dimensions)) return undefined;
  const segments = ids === 0 ? "none" : ids === 2 ? "equal" : "range";
  const { causal, offset = 0, window } = sight;
  return { ...dimensions, form, scale, causal, offset, ...(window === undefined ? {} : { window }), segments };
}

/** Have the operators code for a node? */
export function takesFlash(t: Tensor<"flashAttention" | "flashLogSum" | "flashGradient">): boolean {
  const [q, k, v] = t.inputs as [Tensor, Tensor, Tensor];
  const ids = t.inputs.length - (t.kind === "flashGradient" ? 6 : 3);
  return q.dtype === "f32" && flashOf("f32", [q.shape, k.shape, v.shape], ids, t.attributes) !== undefined;
}

const idTypes = (s: FlashShape) => (({ none: [], equal: ["i32", "i32"], range: ["i32", "i32", "i32"] }) as const)[s.segments];

/** Of q, k, v and numbers: the result and its log sums. */
export const flashForwardOperator = (s: FlashShape): Operator => {
  const heads = s.kvHeads * s.group;
  return {
    name: `flash_${flashKey(s)}`,
    inputs: ["f32", "f32", "f32", ...idTypes(s)],
    outputs: [
      [s.batch, heads, s.queries, s.size],
      [s.batch, heads, s.queries],
    ],
    make: () => flashForwardCode(s),
  };
};

/** Of q, k, v, the result, its log sums and its cotangent, and numbers: the cotangents of q, k and v. */
export const flashBackwardOperator = (s: FlashShape): Operator => ({
  name: `flash_gradient_${flashKey(s)}`,
  inputs: ["f32", "f32", "f32", "f32", "f32", "f32", ...idTypes(s)],
  outputs: [
    [s.batch, s.kvHeads * s.group, s.queries, s.size],
    [s.batch, s.kvHeads, s.keys, s.size],
    [s.batch, s.kvHeads, s.keys, s.size],
  ],
  make: () => flashBackwardCode(s),
});
