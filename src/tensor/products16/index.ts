/** Products of matrices whose operands are rounded to bf16 and whose sums are float32, as operators of ONNX Runtime made of machine code. */
export { operatorName, type ProductUse, productDomain, productDomainOf } from "./operator.ts";
export { type MatmulAttributes, productOf } from "./product-of.ts";
export { freeRooms } from "./room.ts";
export type { ProductShape } from "./shape.ts";
