/** Inner door: low-rank adapters in files, on a device, and in programs. */
export { type AdapterInputs, adapted, type Bank, type BankPart } from "./adapted.ts";
export {
  type Adapter,
  adapterOf,
  type LayerAdapter,
  type LowRank,
  type Projection,
  type ProjectionSizes,
  projectionSizes,
  projections,
} from "./adapter.ts";
export { AdapterBank, type AdapterRoom } from "./bank.ts";
export { type AdapterBase, isBaseNamed, weightsDigest } from "./base.ts";
export { mergeAdapter } from "./merge.ts";
export { adapterRank, peftConfigFile, peftWeightsFile, type ReadAdapterOptions, readAdapter } from "./peft.ts";
export { writeAdapter } from "./peft-write.ts";
