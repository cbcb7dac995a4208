/** Chains of operations on elements (sums, products, roots, exponentials) as operators of ONNX Runtime made of machine code. */
export { type Fused, fusedIn, noneFused } from "./fuse.ts";
export { canFuse, elementwiseOperator } from "./operator.ts";
