/** Operators of ONNX Runtime made of machine code: which parts of a graph they compute, and what a session is given. */
export { afterOperator } from "./after.ts";
export { attentionOperator } from "./attention.ts";
export { attentionOf } from "./attention-of.ts";
export { canFuse, canSum, elementwiseOperator } from "./elementwise.ts";
export { type Fused, fusedIn, noneFused } from "./fuse.ts";
export { type Operator, operatorDomain, operatorDomainOf } from "./onnx-operator.ts";
export { type OwnSum, ownSums } from "./own-sum.ts";
export { canHalve, type MatmulAttributes, productOf, strassenOf } from "./product-of.ts";
export { productOperator, strassenOperator, strassenRowsOperator, strassenWeightOperator } from "./products.ts";
