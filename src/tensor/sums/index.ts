/** Sums as operators of ONNX Runtime made of machine code, where the engine's own go over memory too often. */
export { type OwnSum, ownSums } from "./own-sum.ts";
