/** Data sets of a project: documents, sources, scorers, what forgetting means. */

export { type AddedSource, type AddOptions, type AddPlan, applyAdd, planAdd } from "./add-source.ts";
export {
  type CuratedData,
  type CuratedSet,
  type CurateOptions,
  curateData,
  type WorkedOnData,
  type WorkOnDataOptions,
  workOnData,
} from "./curate.ts";
export { DataCalls } from "./data-calls.ts";
export { type DataSet, type DataSetState, dataNameOf, findDataSet, openDataSet, staleLine } from "./data-set.ts";
export {
  type DroppedDocument,
  type DroppedDocuments,
  type DropsOptions,
  droppedDocument,
  droppedDocuments,
  type ExplainedDocument,
  explainDocument,
  type ThresholdTrial,
  tryDataThresholds,
} from "./explore.ts";
export {
  applyForget,
  type Erasure,
  type ForgetListener,
  type ForgetOptions,
  type ForgottenDocuments,
  type ForgottenSet,
  fewIds,
  planForget,
} from "./forget-documents.ts";
export type { ForgetPlan, Holder } from "./forget-plan.ts";
export { type EffectPair, measureStepEffect, type StepEffect, type StepEffectOptions, type StepEffectPlan } from "./measure-effect.ts";
export { referenceIdentity } from "./reference-scorer.ts";
export { type DataReportOptions, dataSetReport } from "./report.ts";
export { searchDataSet } from "./search-data-set.ts";
export {
  readNamesModel,
  readQualityModel,
  type TrainedFile,
  type TrainedNames,
  type TrainedQuality,
  type TrainNamesOptions,
  type TrainQualityOptions,
  trainNamesModel,
  trainQualityModel,
} from "./train-classifiers.ts";
export type { Whereabouts } from "./whereabouts.ts";
export {
  type ExportDataOptions,
  type ExportedData,
  exportData,
  type ShownDataCard,
  showDataCard,
  type WriteCardOptions,
  type WrittenCard,
  writeDataCard,
} from "./write-card.ts";
