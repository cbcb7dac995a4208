/** Models made to forget texts, and what is left of these in them, measured. */
export { type ErasureTexts, erasureTexts, type TokenText } from "./erasure-texts.ts";
export { type ModelLeak, measureLeak, textsLeft } from "./measure-model.ts";
export type { ErasureMeasurement } from "./measure-stage.ts";
export {
  type ForgettingCost,
  type ForgettingMethod,
  forgettingMethods,
  type UnlearnedVersion,
  type UnlearnVersionOptions,
  unlearnVersion,
} from "./unlearn-version.ts";
