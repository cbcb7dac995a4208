/** ledger: what runs use (processor time, floating-point operations, energy, money), charged to who used it. See docs/cost.md. */
export {
  Account,
  type ChargedPart,
  charged,
  chargedParts,
  chargeElsewhere,
  chargeUnclaimedTime,
  chargeWork,
  isCharged,
} from "./account.ts";
export {
  defaultAssumptions,
  type EnergyAssumptions,
  type EnergyCounters,
  findEnergyCounters,
  powercapFolder,
} from "./energy.ts";
export { type CorePricesPart, corePricesPart } from "./part.ts";
export { type CorePrice, corePrices, type MachineClass, machineClasses, type PriceKind } from "./prices.ts";
export { ownProcessorSeconds } from "./processor-time.ts";
export { type LedgerMachine, type MachinePeak, type PartUse, type RunLedger, readRunLedger, type UsedResources } from "./run-ledger.ts";
export { addWork, hardwareFlops, modelFlops, noWork, type Work } from "./work.ts";
