/** evaluate: how good a model is, beside what anyone could have without it. */
export { sliceName } from "./about-item.ts";
export { type AnswerBaseline, type CommonestForms, commonestForms, type Rewriting } from "./baselines/answers/index.ts";
export {
  type BaselineScore,
  gzipBaseline,
  type NgramModel,
  ngramBaseline,
  trainNgram,
  utf8Bytes,
  zstdBaseline,
} from "./baselines/index.ts";
export { type Bm25Options, bm25, searchWords } from "./baselines/ranking/index.ts";
export { taskBaselines } from "./baselines/task-baselines.ts";
export * from "./baselines/text-classifiers/index.ts";
export * from "./classification/index.ts";
export { openSandbox, type ProgramLimits, type ProgramVerdict, type Sandbox } from "./code/sandbox.ts";
export { evaluateErrors } from "./errors.ts";
export { type Evaluated, type EvaluateTaskOptions, evaluateTask } from "./evaluate-task.ts";
export { type TextItem, type TextMetric, textMetrics, textScore, textStatistics } from "./generation/index.ts";
export { type JudgedItem, type JudgeSummary, judgePairs, judgeRuleOf, judgeSummary, withJudgement } from "./judge/judge.ts";
export { fromOtherSide, isContradicted, type JudgementScores, judgementScores } from "./judge/judgement.ts";
export {
  type DocumentLikelihood,
  type LikelihoodScorer,
  likelihoodScorer,
  type ModelBitsOptions,
  modelBits,
} from "./model-bits.ts";
export { type DecoderLikelihood, type DecoderLikelihoodParts, decoderLikelihood } from "./models/decoder-likelihood.ts";
export { type EndpointModelOptions, endpointModel } from "./models/endpoint.ts";
export { type KeptAnswers, keptAnswers, rememberedAnswers } from "./models/kept-answers.ts";
export type { Answering, AnswerOf, EvaluatedChatTurn, EvaluatedModel, Exchanges, RequestKind, RequestOf } from "./models/model.ts";
export { faultsOf, type Paraphrases, paraphrasesOf, type Wording, wordingChange } from "./paraphrase/paraphrases.ts";
export { type WordingFault, wordingFaults } from "./paraphrase/wording-fault.ts";
export {
  type BaselineName,
  baselineNames,
  type FairnessGroups,
  fairnessGroupsOf,
  groupRule,
  type TextClassifierName,
  textClassifierNames,
  type UndecidedRule,
  undecidedRules,
} from "./part.ts";
export { chanceOf } from "./results/chance.ts";
export { type CommonThresholdReport, commonThresholdReport } from "./results/common-threshold.ts";
export {
  corrected,
  type Difference,
  type DifferenceVerdict,
  differenceOf,
  differenceVerdict,
  gainOf,
  gainsOf,
  type Paired,
  pairItems,
} from "./results/compare.ts";
export { type Condition, parseCondition } from "./results/condition.ts";
export { type Cleanness, type ContaminationSplit, cleannessOf, contaminationSplit, markKey } from "./results/contamination.ts";
export { asChoosing, type CostThreshold, choosingOf, costDifference, costThreshold } from "./results/cost-threshold.ts";
export { mostWrong, slowest } from "./results/extremes.ts";
export { type FairnessTable, fairnessTables } from "./results/fairness.ts";
export { fairnessLines, groupRateColumns } from "./results/fairness-lines.ts";
export { type GateVerdict, gateVerdict, tellVerdict, toldEvidence } from "./results/gate.ts";
export {
  checkWhole,
  type GroupHead,
  type GroupScore,
  groupHeadOf,
  groupItems,
  groupMeasureName,
  groupMeasureNames,
  groupMeasureOf,
  groupScores,
  isGroupHead,
  measuresIn,
  ownId,
} from "./results/group.ts";
export { type ChangedGroupItem, type GroupDifferences, groupDifferences } from "./results/group-compare.ts";
export { headOf, type ItemResult, type ResultHead, type ResultOutput } from "./results/item.ts";
export { keptBeginning } from "./results/kept-text.ts";
export { defaultMeasures, type EvaluationMeasure, measureOf, resultMeasureNames } from "./results/measures.ts";
export { nameableLabels } from "./results/nameable-labels.ts";
export { pictureOf } from "./results/picture.ts";
export { parseResults } from "./results/read-results.ts";
export { countedName } from "./results/retrieval-measures.ts";
export { type Score, type SliceScores, scoreOf, sliceScores } from "./results/score.ts";
export { type ChangedItem, changedItem, type ShownItem, shownItem } from "./results/shown-item.ts";
export { thresholdLines, thresholdText } from "./results/threshold-lines.ts";
export { type ResultTimes, resultTimes, resultTimesFile } from "./results/times.ts";
export { checkMeasures, reportedMeasureNames, reportedMeasures } from "./results/told-measures.ts";
export { type TurnedItem, type VariantScores, variantScores } from "./results/variant.ts";
export {
  ndcgAt,
  type PlaceFigure,
  placeFigures,
  type Ranked,
  type RankedGain,
  type Ranking,
  rankingOf,
  recallAt,
  reciprocalRank,
} from "./retrieval/index.ts";
export {
  type BitsReport,
  baselinesStage,
  bitsOfDocument,
  bitsOfDocumentsFile,
  evaluateStage,
  type ReportScore,
  scoreTimes,
} from "./stage.ts";
export { hasStereotypeParts } from "./stereotype/index.ts";
export { type TaskQuestion, taskQuestions } from "./tasks/ask.ts";
export type { CorpusDocument, RetrievalCorpus } from "./tasks/corpus.ts";
export type { GroupMeasure, TaskGroup } from "./tasks/harness-groups.ts";
export { itemTexts } from "./tasks/item-texts.ts";
export { readTaskItems, type TaskFileItem } from "./tasks/items.ts";
export {
  type DocumentItems,
  examplesAsTurns,
  type LoadedTask,
  parseTask,
  readTask,
  readTasks,
  type TaskFile,
  type TaskItem,
} from "./tasks/read-task.ts";
export { type OutputType, outputTypes, type Task } from "./tasks/schema.ts";
export { itemChange, type PlainVariant, type VariantName, variantNames } from "./tasks/variants.ts";
export { checkVaried } from "./tasks/varied.ts";
export { layWindows, likelihoodWindows, type Window } from "./windows.ts";
