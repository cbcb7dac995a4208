/** Hyperparameter search: studies, trials, verdicts. */
export { workOnSearch } from "../searches.ts";
export { type StudySpec, specOf } from "./definition.ts";
export { foldSentence } from "./fold-comparison.ts";
export type { RefusedBase } from "./refusal.ts";
export { type ClassBase, type ClassSelection, isAsGood } from "./select-classes.ts";
export { shortReason, trialCounts } from "./trial-text.ts";
export { doubtOf, type StudyVerdict } from "./verdict.ts";
export { pointLines } from "./winner.ts";
