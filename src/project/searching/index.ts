/** Hyperparameter search: studies, trials, verdicts. */
export { type StudySpec, specOf, studyFor } from "./definition.ts";
export { foldComparison, foldSentence } from "./fold-comparison.ts";
export { leadWorkers } from "./leader.ts";
export type { RefusedBase } from "./refusal.ts";
export { type ClassBase, type ClassSelection, isAsGood } from "./select-classes.ts";
export { ignoreProblem, type TrialResult } from "./trial.ts";
export { trialKind } from "./trial-links.ts";
export { shortReason, trialCounts } from "./trial-text.ts";
export { doubtOf, holdsOut, judgeWinner, type StudyVerdict, toldVerdict } from "./verdict.ts";
export { pointLines, withPoint } from "./winner.ts";
export { workOnStudy } from "./worker.ts";
