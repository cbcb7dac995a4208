/** Products of matrices with sums in float32, of operands as they are or rounded to bf16, as operators of ONNX Runtime made of machine code. */

export { productOperator } from "./operator.ts";
export { formOf, type MatmulAttributes, productOf } from "./product-of.ts";
export type { Form } from "./shape.ts";
