/** A program over elements as an operator of ONNX Runtime. */
import { sha256 } from "../../base/index.ts";
import { processorFeatures } from "../machine/index.ts";
import type { Operator } from "../operators/index.ts";
import { elementwiseCode } from "./code.ts";
import type { ElementProgram } from "./program.ts";

/** May code be made here, and has the processor the vectors that it is made for? */
export const canFuse = (): boolean => process.env.LOAM_MACHINE_CODE !== "off" && processorFeatures().wide512;

export const elementwiseOperator = (p: ElementProgram): Operator => ({
  name: `elements_${p.steps.length}_${p.shape.join("x")}_${sha256(JSON.stringify(p)).slice(0, 32)}`,
  inputs: p.inputs.map(() => "f32"),
  outputs: p.outputs.map(() => p.shape),
  make: () => elementwiseCode(p),
});
