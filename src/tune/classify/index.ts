/** Inner door: classifiers of texts, tuned, selected and reported. */
export { answersFile, type BaselineAnswers, textBaselinesStage } from "./baselines-stage.ts";
export { evaluateClassifierStage } from "./evaluate-stage.ts";
export { type Example, type Examples, readExamples, readTest, type TestExample } from "./examples.ts";
export { type FitOptions, type FitResult, fitClassifier, type Selection, type TokenTexts } from "./fit.ts";
export {
  type ClassifyInput,
  type ClassifyOptions,
  classifyOptions,
  costOptions,
  type LabelOptions,
  labelOptions,
  labelsOf,
} from "./options.ts";
export { predictionLines, predictionsFile } from "./predictions.ts";
export { type ClassificationReport, compareSystems, type PairedComparison, type ScoreRange, type SystemScore } from "./report.ts";
export { classifyStage, type TuneSurroundings } from "./stage.ts";
export { thresholdStage } from "./threshold-stage.ts";
