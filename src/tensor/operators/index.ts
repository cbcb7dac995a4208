/** Operators of ONNX Runtime made of machine code: which parts of a graph they compute, and what a session is given. */
export { afterOperator } from "./after.ts";
export { attentionOperator } from "./attention.ts";
export { attentionOf } from "./attention-of.ts";
export type { Chain } from "./chain-program.ts";
export { canFuse, canSum, elementwiseOperator } from "./elementwise.ts";
export { flashBackwardOperator, flashForwardOperator, flashOf, takesFlash } from "./flash.ts";
export { fusedIn, noneFused, takesWords } from "./fuse.ts";
export { type Operator, operatorDomain, operatorDomainOf } from "./onnx-operator.ts";
export { type OwnSum, ownSums } from "./own-sum.ts";
export { canHalve, type MatmulAttributes, productOf, strassenOf } from "./product-of.ts";
export { productChainOperator, productOperator, strassenOperator, strassenRowsOperator, strassenWeightOperator } from "./products.ts";
export { isNarrow, isWiden, wordsSource } from "./readings.ts";
