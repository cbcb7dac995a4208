/** statistics: how sure a figure is, and whether two differ. Knows nothing of models. */
export { cohenKappa, fleissKappa, type KappaWeights, kappaOfTable, krippendorffAlpha } from "./agreement.ts";
export { bestOf, isBestOptimistic } from "./best-of.ts";
export {
  type BinnedResiduals,
  type CalibrationIntervalOptions,
  calibrationErrorInterval,
  calibrationInterval,
} from "./calibration-interval.ts";
export { benjaminiHochberg, holm, levelOfLook } from "./corrections.ts";
export { averagePrecision, type Curve, curveOf, drawnCurve, rocArea, type ScoredOutcomes } from "./curve.ts";
export {
  type AttributionScores,
  type DatamodelingOptions,
  type DatamodelingScore,
  datamodelingScores,
  type RetrainedModels,
} from "./datamodel.ts";
export {
  betaQuantile,
  binomialBelow,
  chiSquareAbove,
  normalAbove,
  normalBelow,
  normalQuantile,
  studentQuantile,
  studentWithin,
} from "./distributions.ts";
export { statisticsErrors } from "./errors.ts";
export {
  type ExpectedFigure,
  type ExpectedOptions,
  type ExpectedPerformance,
  expectedPerformance,
  type PerformanceFigure,
  performanceFigures,
  type UnlabelledPredictions,
} from "./expected-performance.ts";
export {
  drawnFairness,
  type FairnessFigure,
  type FairnessInterval,
  type FairnessIntervalOptions,
  type FairnessMeasureName,
  type FairnessOptions,
  type FairnessReport,
  type FairnessReportOptions,
  type FairnessValue,
  fairerOf,
  fairnessIntervals,
  fairnessMeasureNames,
  fairnessReport,
  type GroupedPredictions,
  type Grouping,
  type GroupOutcome,
  type GroupRate,
  type GroupRow,
  type GroupThresholdOptions,
  type GroupThresholds,
  groupingName,
  groupStrata,
  groupsBy,
  groupThresholds,
  isFairnessMeasure,
  leastGroupSize,
  missingValue,
  type Reweighing,
  type ReweighingCell,
  reweighing,
  type ScoredGroups,
  type ThresholdGoal,
  thresholdGoals,
} from "./fairness/index.ts";
export { type LabelPermutation, labelPermutation } from "./label-permutation.ts";
export { cholesky, solveTriangular } from "./linear.ts";
export { fitLossLaw, type LossLaw, type LossPointOfLaw, lossAt, type PredictedLoss, predictLoss } from "./loss-law.ts";
export { canDiffer, detectableDifference, type McNemar, mcNemar } from "./paired.ts";
export { passAtK } from "./pass-at-k.ts";
export { clopperPearson, type Interval, signTest, wilson } from "./proportion.ts";
export { type DrawnCorrelation, drawnPearson, drawnSpearman, pearson, ranks, spearman } from "./rank.ts";
export { brier, calibrationError, drawnCalibrationError, type Probabilities, type ReliabilityBin, reliability } from "./reliability.ts";
export {
  type CrossedDeviations,
  crossedDeviations,
  type ResampledMean,
  type ResampledOptions,
  resampledMean,
  sampleVariance,
} from "./resampled.ts";
export {
  type BootstrapInterval,
  type BootstrapOptions,
  bootstrap,
  bootstrapAll,
  type PermutationTest,
  pairedPermutation,
  pairedRandomisation,
  quantile,
  type ResamplingOptions,
} from "./resampling.ts";
export { rocAreaInterval } from "./roc-interval.ts";
export {
  type ComparisonArm,
  type ComparisonEffect,
  type ComparisonJudgement,
  type ComparisonMetric,
  type ComparisonObservation,
  type ComparisonOptions,
  type ComparisonPower,
  type ComparisonState,
  type ComparisonVerdict,
  comparisonPower,
  type DeclaredComparison,
  judgeComparison,
  type MeanMetric,
  type MetricJudgement,
  observeComparison,
  openComparison,
  type PowerOptions,
  type QuantileMetric,
  type RateMetric,
} from "./sequential/index.ts";
export { incompleteBeta, logGamma, upperGamma } from "./special.ts";
export {
  type BinnedDistances,
  besideReference,
  binCounts,
  binnedDistances,
  type ChiSquareTest,
  type ClassifierTest,
  type ConformalOptions,
  type ConformalState,
  chiSquareTwoSample,
  classifierTwoSample,
  conformalP,
  cramerVonMises,
  type DiscrepancyOptions,
  energyDistance,
  energyTest,
  fisherExact,
  histogramBin,
  type KolmogorovSmirnovOptions,
  kolmogorovSmirnov,
  meanDiscrepancy,
  type NeededOptions,
  neededForCategories,
  neededForDistance,
  neededForShares,
  noncentralChiSquareAbove,
  noncentralityOf,
  observeConformal,
  openConformal,
  type PermutationOptions,
  quantileEdges,
  shareDifference,
  superiority,
  type TwoSampleTest,
  type Vectors,
  wassersteinDistance,
  wassersteinTest,
} from "./two-sample/index.ts";
