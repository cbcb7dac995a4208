export {
  calibrationError,
  checkedBrier,
  drawnExpectedCalibrationError,
  fitTemperature,
  logLoss,
  type Probabilities,
  type ReliabilityBin,
  reliabilityBins,
} from "./calibration.ts";
export { balancedAccuracyOf, type ChanceTest, type ChanceVerdict, chanceSentence, chanceTest, chanceVerdicts } from "./chance.ts";
export { type Confusion, confusion, type LabelledPair, labelled } from "./confusion.ts";
export { type CostRule, choiceWith, type ThresholdReport, type ThresholdRow, thresholdReport } from "./costs.ts";
export {
  averagePrecision,
  bestF1Threshold,
  type Costs,
  type Curve,
  cheapestThreshold,
  checkedCurve,
  checkedDrawnCurve,
  rocArea,
  type ScoredOutcomes,
  type ThresholdChoice,
} from "./curves.ts";
export { drawnCost } from "./drawn-cost.ts";
export {
  type ClassPicture,
  type ConfusionCell,
  cellsOf,
  classPicture,
  type DecisionCurve,
  type JudgedPoint,
  type Reliability,
  reliabilityOf,
} from "./picture.ts";
export { type Plot, precisionRecallPlot, reliabilityPlot, rocPlot } from "./plots.ts";
export { type Averages, type ClassificationScores, type ClassScore, classificationScores } from "./scores.ts";
