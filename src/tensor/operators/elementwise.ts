/** A program over elements as an operator of ONNX Runtime. */
import { sha256 } from "../../base/index.ts";
import { type ElementProgram, elementCode, usableFeatures, usableFloatTier } from "../../machine/index.ts";
import type { Operator } from "./onnx-operator.ts";

/** May code be made here, and has the processor the vectors that it is made for? */
export const canFuse = (): boolean => usableFeatures().wide512;
/** The same for sums, whose code has a form for narrower vectors. */
export const canSum = (): boolean => usableFloatTier() !== undefined;

export const elementwiseOperator = (p: ElementProgram): Operator => ({
  name: `elements_${p.steps.length}_${p.shape.join("x")}_${sha256(JSON.stringify(p)).slice(0, 32)}`,
  inputs: p.inputs.map(() => "f32"),
  outputs: p.outputs.map(() => p.shape),
  make: () => elementCode(p),
});
