/** Products of matrices with sums in float32, of operands as they are or rounded to bf16, as operators of ONNX Runtime made of machine code. */

export { productOperator, strassenOperator, strassenRowsOperator, strassenWeightOperator } from "./operator.ts";
export { packFourRows, pointAtRows, setMask } from "./pack-code.ts";
export { formOf, type MatmulAttributes, productOf, strassenOf } from "./product-of.ts";
export type { Form } from "./shape.ts";
export { strassenLayout } from "./strassen-shape.ts";
export { packPair, type Weight, wholePairs } from "./strassen-weights.ts";
