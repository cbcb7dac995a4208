/** Evaluating a project's models: what is asked, of whom, and what is recorded. */
export { againstModel } from "./against.ts";
export type { BaselineReport } from "./baselines.ts";
export { conditionMeasures, conditionSubjects } from "./conditions.ts";
export { type SeenItems, seenItems } from "./contaminated.ts";
export { type EvaluatedGroup, evaluatedGroup, type GroupReport, groupReport, groupWeights } from "./groups.ts";
export { type Judgement, recordedJudgement } from "./judged.ts";
export { namedOrMade } from "./made-model.ts";
export { type OpenEvaluated, openEvaluated } from "./open-model.ts";
export { type RecordedResult, recordedResult } from "./record.ts";
export { recordedGroup } from "./record-group.ts";
export { recordedSeen } from "./record-seen.ts";
export { type JudgementReport, type ParaphraseReport, type TaskReport, taskReport } from "./report.ts";
export { type EvaluationReport, evaluationLooks, reportOf } from "./report-of.ts";
export { taskNames } from "./task-files.ts";
export { tasksOf } from "./tasks-of.ts";
export { type ChosenThreshold, costsCorrected, type TaskCosts, type TaskThreshold, taskCosts } from "./thresholds.ts";
export { type AskedVariant, askedVariant } from "./variants.ts";
