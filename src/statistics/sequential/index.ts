/** Two arms at the same time, looked at after every request. */
export { judgeComparison } from "./judge.ts";
export { observeComparison, openComparison } from "./observe.ts";
export type {
  ComparisonArm,
  ComparisonMetric,
  ComparisonObservation,
  ComparisonOptions,
  DeclaredComparison,
  MeanMetric,
  QuantileMetric,
  RateMetric,
} from "./options.ts";
export { type ComparisonEffect, type ComparisonPower, comparisonPower, type PowerOptions } from "./power.ts";
export type { ComparisonJudgement, ComparisonState, ComparisonVerdict, MetricJudgement } from "./state.ts";
