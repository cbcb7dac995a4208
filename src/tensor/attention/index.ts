/** Attention in one operator of ONNX Runtime made of machine code: no scores in memory, and nothing done for keys that a mask hides. */
export { attentionOperator } from "./operator.ts";
export { attentionOf, mostKeysOf } from "./shape.ts";
