/** What an evaluation of the record found, and how often its test set was looked at. */
import type { BitsReport } from "../../evaluate/index.ts";
import { type ArtifactReader, looksOf, type Store } from "../../store/index.ts";
import type { ClassificationReport, CrossValidationReport, RegressionReport } from "../../tune/index.ts";
import { type LookedScore, type LooksReport, looksReport } from "../looks.ts";

export type EvaluationReport = BitsReport | ClassificationReport | RegressionReport | CrossValidationReport;

/** What an evaluation or a cross-validation found. */
export const reportOf = async (evaluation: ArtifactReader): Promise<EvaluationReport> =>
  JSON.parse((await evaluation.read("report.json")).toString("utf8")) as EvaluationReport;

/** The score that is looked at first. */
function mainScore(report: EvaluationReport): LookedScore | undefined {
  if (report.task === "regression") return { metric: "mean absolute error", better: "lower", ...report.scores.mae };
  const own = report.task === "classification" ? report.scores.find(s => s.kind === "model") : undefined;
  return own && { metric: "macro F1", better: "higher", ...own.macroF1 };
}

/** How often the test set of an evaluation was looked at; undefined where nothing was counted. */
export async function evaluationLooks(store: Store, evaluation: ArtifactReader): Promise<LooksReport | undefined> {
  const looks = await looksOf(store.records.read, evaluation.id);
  return looks && looksReport(looks, mainScore(await reportOf(evaluation)));
}
