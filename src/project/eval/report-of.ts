/** What an evaluation of the record found, and how often its test set was looked at. */
import { type ArtifactReader, looksOf, type Store } from "../../store/index.ts";
import { allKinds, type KindReport } from "../../tune/index.ts";
import { type LooksReport, looksReport } from "../looks.ts";

/** What `report.json` of an evaluation or a cross-validation says; more of it knows who reads a task's. */
export interface EvaluationReport {
  readonly task: string;
}

/** What an evaluation or a cross-validation found. */
export const reportOf = async (evaluation: ArtifactReader): Promise<EvaluationReport> =>
  JSON.parse((await evaluation.read("report.json")).toString("utf8")) as EvaluationReport;

/** How a report of a kind of tuning reads; undefined of others. */
export const kindReportOf = ({ task }: { readonly task: string }): KindReport | undefined =>
  allKinds().find(kind => kind.report?.task === task)?.report;

/** How often the test set of an evaluation was looked at; undefined where nothing was counted. */
export async function evaluationLooks(store: Store, evaluation: ArtifactReader): Promise<LooksReport | undefined> {
  const looks = await looksOf(store.records.read, evaluation.id);
  if (!looks) return undefined;
  const report = await reportOf(evaluation);
  // a row reads its own reports
  return looksReport(looks, kindReportOf(report)?.mainScore(report as never));
}
