/** Products of matrices whose operands are rounded to bf16 and whose sums are float32, as operators of ONNX Runtime made of machine code. */
export { productOperator } from "./operator.ts";
export { type MatmulAttributes, productOf } from "./product-of.ts";
