/** data: from files somewhere to documents one can train on and hold out, with a reason for everything that happened to them. */

export { guessReader, type ReaderGuess, readersFor } from "./add/guess-reader.ts";
export { keyboard as typingErrors } from "./augment/methods/keyboard/keyboard.ts";
export { factFault, type ParaphraseFault, paraphraseFault } from "./augment/methods/paraphrase/faults.ts";
export { paraphraseInstruction, paraphraseLimits } from "./augment/methods/paraphrase/limits.ts";
export { type BlendPart, blendOptionsOf, blendStage, blends } from "./blend.ts";
export { type CardRecord, cardFormat, type DataCard, dataCard } from "./card/card.ts";
export { artifactAsExport, cardFiles } from "./card/files.ts";
export { dataCardMarkdown } from "./card/markdown.ts";
export { type CardPart, cardPart, noCard } from "./card/part.ts";
export { ownFacts, type SourceFacts } from "./card/source-facts.ts";
export {
  type Counterfactual,
  type CounterfactualKind,
  counterfactualDigest,
  counterfactualKinds,
  counterfactualRewriter,
} from "./counterfactual/index.ts";
export { type Distribution, placeIn } from "./distribution.ts";
export {
  type BadLine,
  type Document,
  type DocumentAttribute,
  type DocumentAttributes,
  documentLine,
  parseDocument,
  readDocuments,
  textBytes,
  textLines,
} from "./document.ts";
export { drawn, drawnRecord } from "./drawn.ts";
export { type AskedDocument, type Effect, type EffectOn, type EffectOptions, measureEffect, type ProxyTrainer } from "./effect/effect.ts";
export { differenceInterval, type EffectInterval } from "./effect/interval.ts";
export { type RememberedTrainer, rememberedTrainer } from "./effect/remembered.ts";
export { dataErrors } from "./errors.ts";
export { augmentationFile, documentIds, explain, findDocuments, findId, ledgerLines, readMeasures, resolveId } from "./explain.ts";
export {
  type ClusterMember,
  type DocumentCluster,
  type DocumentHistory,
  type DocumentList,
  type DocumentPage,
  type DocumentPageOptions,
  documentCatalog,
  documentClusters,
  documentHistory,
  documentList,
  documentSides,
  documentSorts,
  type ListedDocument,
} from "./explore/index.ts";
export { type DataExport, type DataExportOptions, exportDocuments, heldOutNames } from "./export/export.ts";
export { type ExportFormatName, exportFormatNames } from "./export/formats.ts";
export { parquetCompressions } from "./export/parquet.ts";
export { forgetEntry } from "./forget/entry.ts";
export { forgottenReason, hashedEntry } from "./forget/forget.ts";
export { type Alike, type ForgetPlace, forgetPlaces, type Heir, heirs, idsWithin } from "./forget/places.ts";
export type { FieldSummary } from "./inspect/field-summary.ts";
export { type FolderInspection, type FormatInspection, type InspectOptions, inspectFolder } from "./inspect/inspect.ts";
export {
  type LedgerEdit,
  type LedgerEntry,
  type LedgerMeasure,
  type SetAside,
  type StepVerdict,
  type Story,
  showMeasure,
  tellStory,
} from "./ledger.ts";
export { type DiffLine, lineDiff } from "./line-diff.ts";
export { type ColumnInfo, decodeColumn, type MeasureColumn, type MeasuresInfo, type StepCount } from "./measures.ts";
export { firstRefusal } from "./mix.ts";
export { type MixtureInfo, mixtureFile, readTimes, tellMixture } from "./mixture/index.ts";
export { type DataPart, dataPart } from "./part.ts";
export { contaminationFile } from "./pipeline.ts";
export { type WorkOptions, workOn } from "./plan/shared.ts";
export { purposeStage } from "./purpose.ts";
export type { PurposeRule } from "./purpose-rule.ts";
export { calibratedQuality, isotonicCalibration, plattCalibration, type QualityCalibration } from "./quality/calibration.ts";
export {
  areaUnderCurve,
  brierScore,
  type Decisions,
  decisionsAt,
  qualityCalibrationError,
  type ScoredDocument,
} from "./quality/measures.ts";
export {
  decodeQuality,
  encodeQuality,
  type QualityMeasures,
  type QualityModel,
  type QualityReport,
  QualityScorer,
} from "./quality/model.ts";
export { type TellingFeature, tellingFeatures } from "./quality/telling.ts";
export { type LabelledText, type QualityTraining, qualityTraining, trainQuality } from "./quality/train.ts";
export {
  type ClusterReport,
  type DataReport,
  dataReport,
  type EditReport,
  type FunnelRow,
  type ReportExample,
  type RuleReport,
} from "./report.ts";
export type { RepresentationSlice } from "./representation.ts";
export { type Embedder, type Need, needKey, noResources, type Resources, type Scorer } from "./resources.ts";
export { fillRows } from "./rows.ts";
export { type Shown, shortened, shownBy } from "./shown.ts";
export { manifestOf, type SourceManifest } from "./sources/manifest.ts";
export { readerNames, type SourceOptions, sourceOptions } from "./sources/options.ts";
export type { NamedSource } from "./sources/several.ts";
export type { Reader, ReadRecord } from "./sources/source.ts";
export { type OwnPartOptions, ownPartOnly, ownPartOptions } from "./split-by/options.ts";
export { ownPart, ownPartCounter, ownPartProblem } from "./split-by/own-part.ts";
export {
  documentsOf,
  documentsOptionsOf,
  documentsStage,
  identifySources,
  needsOf,
  type SplitSide,
  type StageEnvironment,
  selecting,
  setsApart,
  sourceStage,
} from "./stage.ts";
export { contaminationOf, contaminationTally, type ItemMark } from "./steps/decontaminate/contamination.ts";
export { searchedItems } from "./steps/decontaminate/decontaminate.ts";
export { detectLanguage } from "./steps/language/detect.ts";
export { loadDetector } from "./steps/language/eld.ts";
export {
  type Like,
  type LikeIndex,
  type LikeOptions,
  likeAcross,
  likeDefaults,
  likeGroups,
  likeIndex,
  similarGroups as nearDuplicateGroups,
  sketchAll,
} from "./steps/near-duplicates/index.ts";
export { nearDuplicateOptions } from "./steps/near-duplicates/options.ts";
export { type FindOptions, findPrivate } from "./steps/private/find.ts";
export { type NameExample, parseNameExample } from "./steps/private/names/examples.ts";
export {
  decodeNames,
  encodeNames,
  type NamesModel,
  type NamesReport,
  nameRecogniser,
  quantisedNames,
} from "./steps/private/names/model.ts";
export { shippedNames, shippedNamesBytes, shippedNamesFile } from "./steps/private/names/shipped.ts";
export { type NamesTraining, namesTraining, trainNames } from "./steps/private/names/train.ts";
export { privateStep } from "./steps/private/private.ts";
export type { PrivateRecogniser } from "./steps/private/recogniser.ts";
export { type RedactPolicy, redactPrivate, redactSpans } from "./steps/private/redact.ts";
export { type PrivateSpan, type PrivateType, privateTypes, type RedactionPolicy } from "./steps/private/types.ts";
export { judgeByRules, type Rules, type StepRule } from "./steps/rules.ts";
export { type SplitOptions, splitOptions } from "./steps/split/options.ts";
export { type Split, splitDocuments } from "./steps/split/split.ts";
export type {
  Applied,
  CorpusPlan,
  CorpusQuestion,
  CorpusStep,
  DataStep,
  DocumentJudgement,
  DocumentStep,
  Group,
  Key,
  Out,
  Phase,
  Ref,
  Round,
  Send,
  StreamRound,
  TaggerStep,
} from "./steps/step.ts";
export { type StepName, stepEntry } from "./steps/step-entry.ts";
export { type ChosenStep, chooseStep, steps } from "./steps/steps.ts";
export { heldOutSet } from "./test-set.ts";
export { parseSetting, type StepTrial, type TryExample, tryThresholds } from "./try.ts";
export { heldWithin } from "./within.ts";
