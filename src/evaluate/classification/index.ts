export { brier, calibrationError, fitTemperature, logLoss, type Probabilities, type ReliabilityBin, reliability } from "./calibration.ts";
export { type Confusion, confusion, type Labelled, labelled } from "./confusion.ts";
export {
  averagePrecision,
  bestF1Threshold,
  type Costs,
  type Curve,
  cheapestThreshold,
  curveOf,
  rocArea,
  type Scored,
  type ThresholdChoice,
} from "./curves.ts";
export { type Averages, type ClassificationScores, type ClassScore, classificationScores } from "./scores.ts";
