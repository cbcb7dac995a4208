/** Evaluating a project's models: what is asked, of whom, and what is recorded. */

export { evaluateTasks, throwFailed } from "../evaluations.ts";
export type { BaselineReport } from "./baselines.ts";
export { type GroupReport, groupWeights } from "./groups.ts";
export type { JudgementReport, ParaphraseReport, TaskReport } from "./report.ts";
export { type EvaluationReport, kindReportOf } from "./report-of.ts";
export type { ChosenThreshold, TaskThreshold } from "./thresholds.ts";
