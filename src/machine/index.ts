/** Machine code for x86-64 made here: an assembler, the kernels, and the memory and threads that run them. docs/machine-code.md describes it. */
export { type ArgumentField, ArgumentSpace } from "./argument-space.ts";
export { Assembler, at, gpr } from "./assembler.ts";
export { attentionCode } from "./attention/attention-code.ts";
export { type AttentionShape, keyBlock, mostAttentionKeys, tileRows } from "./attention/attention-shape.ts";
export { flashBackwardCode } from "./attention/flash-backward.ts";
export { flashForwardCode } from "./attention/flash-forward.ts";
export { type FlashForm, type FlashShape, flashKey, isFlash } from "./attention/flash-shape.ts";
export {
  attendCode,
  attendConstants,
  attendFields,
  cacheKeyBlock,
  cacheTileRows,
  type HeadShape,
  headBytes,
  headShapeName,
  tile,
  turnCode,
  turnFields,
} from "./cached-attention/attend-code.ts";
export { elementCode, valueRegisters } from "./elementwise/element-code.ts";
export {
  type ElementAccess,
  type ElementProgram,
  type ElementStep,
  type ElementStepKind,
  type ElementType,
  type ElementValue,
  registersOf,
} from "./elementwise/element-program.ts";
export { machineErrorRow } from "./errors.ts";
export { exponentialConstants } from "./exponential.ts";
export {
  type MachineTier,
  machineTiers,
  type ProcessorFeatures,
  processorFeatures,
  processorTiers,
  usableFeatures,
  usableTiers,
} from "./features.ts";
export { type FloatTier, usableFloatTier } from "./float-tier.ts";
export type { KernelCode } from "./kernel-code.ts";
export { type Koffi, type LibraryHandle, loadKoffi } from "./koffi.ts";
export { allocatePages, loadCode, machineFunction, type Pages } from "./native.ts";
export { measurePeak, type PeakInstruction, registerLoopCode, registerLoopRate, turnFlops } from "./peak.ts";
export { type ProductEpilogue, productCode, takesEpilogue } from "./products/product-code.ts";
export { canReadWords, type ProductForm, type ProductShape, productKey } from "./products/product-shape.ts";
export { type ItemCode, multiplyCode, packRowsCode, packWeightCode } from "./products/strassen-code.ts";
export { isStrassen, pairColumns, type StrassenShape, strassenLayout } from "./products/strassen-shape.ts";
export { packPair, type StrassenWeight, wholePairs } from "./products/strassen-weights.ts";
export { codeBlock } from "./quantised/code-block.ts";
export { type PackedWeight, packWeight, unpackOutput } from "./quantised/packed-weights.ts";
export { byteProductCode, byteProductFields } from "./quantised/quantised-product.ts";
export { type RowWork, roundConstants, roundFields, roundRowsCode } from "./quantised/round-rows.ts";
export { freeScratch, heldScratchBytes, leaveScratch, takeScratch } from "./scratch.ts";
export { arrayAdder } from "./sums/add-arrays.ts";
export { type AddRows, addRowsCode } from "./sums/add-rows.ts";
export { squaresCode } from "./sums/squares.ts";
export { MachineProgram, type TeamOperation, teamOf } from "./team.ts";
export { type ProductTier, productFormOf, tierPanelColumns, tierProductCode, usableProductTier } from "./tier-products.ts";
