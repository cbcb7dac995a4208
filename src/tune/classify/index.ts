/** Inner door: classifiers of texts, tuned, selected and reported. */
export { answersFile, type BaselineAnswers, checksFile, type DataChecks, type FrozenNote, textBaselinesStage } from "./baselines-stage.ts";
export { type DataWarning, dataWarnings, droppedCopies, warningKinds } from "./data-warnings.ts";
export { evaluateClassifierStage } from "./evaluate-stage.ts";
export { classReader, type DescribedExample, type Examples, type LabelledExample, readExamples, readTest } from "./examples.ts";
export { type ClassifierPoint, type ClassifierRun, type FittedClassifier, fitClassifier, type TokenTexts } from "./fit.ts";
export { groupThresholdStage } from "./group-threshold-stage.ts";
export type { GroupThresholdReport } from "./group-thresholds.ts";
export { bandsOf, likeFrom, nearestTrain, type SimilarityBand } from "./nearest-train.ts";
export {
  type ClassifyInput,
  type ClassifyOptions,
  classifyOptions,
  costOptions,
  frozenBaseline,
  type LabelOptions,
  labelOptions,
  labelsOf,
} from "./options.ts";
export { predictionLines, predictionsFile } from "./predictions.ts";
export { type ClassificationReport, compareSystems, type PairedComparison, type ScoreRange, type SystemScore } from "./report.ts";
export { sampledClasses } from "./sample.ts";
export { classifyStage } from "./stage.ts";
export { thresholdStage } from "./threshold-stage.ts";
