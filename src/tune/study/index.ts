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
export { type ObjectiveName, objectives, pruners, type SearchPart, samplers, searchPart } from "./part.ts";
export { pathOf, valueIn, withValue } from "./paths.ts";
export { searchDocumentsStage } from "./search-documents.ts";
export { searchShardsStage } from "./search-shards.ts";
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
