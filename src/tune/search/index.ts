export { ashaPruner, hyperbandPruner, medianPruner, noPruner, type Pruner, type PruningSituation } from "./pruners.ts";
export { cmaEsSampler } from "./samplers/cma-es.ts";
export { type GpOptions, gpSampler } from "./samplers/gp.ts";
export { gridSampler } from "./samplers/grid.ts";
export { haltonSampler } from "./samplers/halton.ts";
export { randomSampler } from "./samplers/random.ts";
export type { Sampler, SamplingSituation } from "./samplers/sampler.ts";
export { type TpeOptions, tpeSampler } from "./samplers/tpe.ts";
export {
  type ChoiceParameter,
  checkPoint,
  isActive,
  isChoice,
  type Parameter,
  type Point,
  parseSpace,
  placeOf,
  type RangeParameter,
  type Space,
  spaceSchema,
} from "./space.ts";
export { Study, type StudyOptions, type StudyState } from "./study.ts";
export { type Direction, dominates, type Objective, paretoRanks, type Report, type Trial } from "./trial.ts";
