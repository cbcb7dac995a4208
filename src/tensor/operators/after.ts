/**
 * One number that waits for arrays: what it copies is its first input, and the others only have to be there. The engine's walk begins at what nobody
 * reads, so arrays that are read late would be computed late; behind this operator they are computed with the number that they stand beside.
 */
import { Assembler, at, gpr } from "../../machine/index.ts";
import { type DType, sizeOf } from "../dtype.ts";
import type { Shape } from "../shape.ts";
import { type InputType, isInputType, type Operator } from "./onnx-operator.ts";

const { rax, rcx, rdi } = gpr;

/** The operator for inputs of these types; undefined where the first is no single f32, or operators cannot take one of the others. */
export function afterOperator(types: readonly DType[], shape: Shape): Operator | undefined {
  if (types[0] !== "f32" || sizeOf(shape) !== 1 || !types.every(isInputType)) return undefined;
  const inputs: readonly InputType[] = types;
  return {
    name: `after_${inputs.join("_")}_to_${shape.join("x")}`,
    inputs,
    outputs: [shape],
    make() {
      const a = new Assembler();
      a.mov(rax, at(rdi, 0));
      a.mov32(rcx, at(rax));
      a.mov(rax, at(rdi, 8 * inputs.length));
      a.store32(at(rax), rcx);
      a.ret();
      return { code: a.code(), kernels: [{ at: 0, items: 1 }], scratchBytes: 0 };
    },
  };
}
