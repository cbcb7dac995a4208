export { groupOf, type Half, halfOf, halves } from "./halves.ts";
export {
  type Definition,
  isBehind,
  isWithin,
  nextPoint,
  type Outcome,
  objectivesOf,
  outcomeOf,
  paretoFront,
  pointOf,
  ranked,
  spaceOf,
  studyOf,
} from "./history.ts";
export { bitsPerByteOf, type Judgement, judgeStage, readJudgement } from "./judge.ts";
export { answerLatency } from "./latency.ts";
export { type ObjectiveName, objectives, type SearchPart, searchPart } from "./part.ts";
export { pathOf, valueIn, withValue } from "./paths.ts";
export { pruners, samplers } from "./samplers.ts";
export { searchDocumentsStage } from "./search-documents.ts";
export { searchShardsStage } from "./search-shards.ts";
export { searchDocumentsName } from "./stage-names.ts";
export {
  type Comparison,
  type CountedBy,
  comparisonSentence,
  readVerdict,
  type VerdictReport,
  verdictBesideBaseStage,
  verdictOf,
  verdictStage,
  wrongSentence,
} from "./verdict.ts";
