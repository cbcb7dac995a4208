/** Group fairness: what predictions do to groups of items, and how to weigh, threshold and measure against it. */
export { checkGrouped, type GroupedPredictions, type RateName } from "./cells.ts";
export {
  type GroupThresholdOptions,
  type GroupThresholds,
  groupThresholds,
  type ScoredGroups,
  type ThresholdGoal,
  thresholdGoals,
} from "./group-thresholds.ts";
export { type Grouping, groupingName, groupStrata, groupsBy, missingValue } from "./groups.ts";
export { type FairnessInterval, type FairnessIntervalOptions, fairnessIntervals } from "./interval.ts";
export {
  drawnFairness,
  type FairnessMeasureName,
  type FairnessOptions,
  type FairnessValue,
  fairerOf,
  fairnessMeasureNames,
  isFairnessMeasure,
  leastGroupSize,
} from "./measures.ts";
export {
  type FairnessFigure,
  type FairnessReport,
  type FairnessReportOptions,
  fairnessReport,
  type GroupOutcome,
  type GroupRate,
  type GroupRow,
} from "./report.ts";
export { type Reweighing, type ReweighingCell, reweighing } from "./reweighing.ts";
