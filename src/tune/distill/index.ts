/** Inner door: a model that learns from what another one finds likely. */
export { type DistillFitOptions, distillFitOptions, distillOptions } from "./options.ts";
export { distillStage } from "./stage.ts";
