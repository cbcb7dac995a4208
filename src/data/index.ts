/** data: from files somewhere to documents one can train on and hold out, with a reason for everything that happened to them. */

export { type Distribution, placeIn } from "./distribution.ts";
export {
  type Attribute,
  type Attributes,
  type BadLine,
  type Document,
  documentLine,
  parseDocument,
  readDocuments,
  sizeOf,
  textLines,
} from "./document.ts";
export { dataErrors } from "./errors.ts";
export { documentIds, explain, findDocuments, findId, linesOf, readMeasures, resolveId } from "./explain.ts";
export {
  type Edit,
  type LedgerEntry,
  type Measure,
  type SetAside,
  type Story,
  showMeasure,
  tellStory,
  type Verdict,
} from "./ledger.ts";
export { type Column, type ColumnInfo, decodeColumn, type MeasuresInfo, type StepCount } from "./measures.ts";
export { decide } from "./mix.ts";
export { type Curated, type CurateOptions, type CurateProgress, curate } from "./pipeline.ts";
export {
  type ClusterReport,
  type DataReport,
  dataReport,
  type EditReport,
  type Example,
  type FunnelRow,
  type RuleReport,
} from "./report.ts";
export { fillRows } from "./rows.ts";
export { type Shown, shortened, shownBy } from "./shown.ts";
export { type Manifest, manifestOf } from "./sources/manifest.ts";
export { type Reader, type ReadRecord, readerNames, type SourceOptions, sourceOptions } from "./sources/source.ts";
export {
  type DataPart,
  dataPart,
  documentsOf,
  documentsStage,
  identify,
  type Side,
  type Surroundings,
  sourceStage,
} from "./stage.ts";
export { type FindOptions, findPrivate } from "./steps/private/find.ts";
export { privateStep } from "./steps/private/private.ts";
export type { Recogniser } from "./steps/private/recogniser.ts";
export { type RedactPolicy, redact } from "./steps/private/redact.ts";
export { type Policy, type PrivateSpan, type PrivateType, privateTypes } from "./steps/private/types.ts";
export { judge, type Rule, type Rules } from "./steps/rules.ts";
export { type Split, type SplitOptions, splitDocuments, splitOptions } from "./steps/split/split.ts";
export type { Applied, CorpusPass, CorpusStep, DocumentStep, Judgement, Step } from "./steps/step.ts";
export { type ChosenStep, chooseStep, type StepName, stepEntry, steps } from "./steps/steps.ts";
export { parseSetting, type Trial, type TryExample, tryThresholds } from "./try.ts";
