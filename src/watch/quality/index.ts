/** How good a model is on its traffic: with labels that come late, and without any. */
export {
  addSums,
  countAnswer,
  countReading,
  type EstimatedClass,
  type EstimatedQuality,
  estimatedQuality,
  type GrowingSums,
  growingSums,
  noSums,
  type QualitySums,
  sumsJson,
} from "./estimated-quality.ts";
export {
  type AgreedTruth,
  agreedTruth,
  type ClassReading,
  type FeedbackLabel,
  type FeedbackRow,
  factsJson,
  feedbackJson,
  labelInSlot,
  mergeFeedback,
  type RequestFacts,
} from "./feedback-rows.ts";
export {
  type DayQuality,
  type DaySums,
  type LabelSelection,
  type PeriodQuality,
  qualityOf,
  utcDay,
  type VersionQuality,
} from "./quality-report.ts";
export { type ClassFigures, type JudgedText, type TrueQuality, trueQuality } from "./true-quality.ts";
