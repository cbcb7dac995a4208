/** Trainings beside the record: what a recipe will come to, and its learning rate. */

export { type CompileAheadOptions, type CompileAheadReport, type CompiledProgram, compileStep } from "./compile-ahead.ts";
export { planModel, type TrainingPlanOptions, type TrainingPlanReport } from "./plan.ts";
export { type RateRangeCall, type RateRangeReport, testRates } from "./rates.ts";
export { readLadder, type ScaleOptions, type ScalePlan, type ScaleReport, type ScaleResult, type ScaleRun, scaleModel } from "./scale.ts";
