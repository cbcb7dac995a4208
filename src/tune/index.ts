/** tune: a model made better at something (methods, instructions, classes); better settings, found by trying, and how sure one can be that they are. */
export * from "./classify/index.ts";
export * from "./contrast/index.ts";
export * from "./cross-validation/index.ts";
export * from "./distill/index.ts";
export { tuneErrors } from "./errors.ts";
export * from "./frozen/index.ts";
export * from "./importance/index.ts";
export * from "./influence/index.ts";
export * from "./instruct/index.ts";
export * from "./jobs/index.ts";
export * from "./kind/index.ts";
export * from "./methods/index.ts";
export * from "./multi-label/index.ts";
export {
  type CheckedTunePart,
  canBeCrossValidated,
  dataSetOf,
  isTuned,
  lossUnit,
  madeOf,
  type TunedModel,
  tasksWith,
  tunedModel,
  withoutReports,
} from "./part.ts";
export * from "./preference/index.ts";
export * from "./ranks/index.ts";
export * from "./search/index.ts";
export * from "./select/index.ts";
export * from "./study/index.ts";
export type { TuneSurroundings } from "./text-head/open-base.ts";
