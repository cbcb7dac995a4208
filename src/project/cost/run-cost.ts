/** `project.cost`: what a run, an artifact or a version cost, with everything behind it. */
import { defined } from "../../base/index.ts";
import type { Workspace } from "../workspace.ts";
import { type CostComparison, compareCosts } from "./cost-comparison.ts";
import { type CostReport, costReport } from "./cost-report.ts";
import { lineageRuns } from "./lineage-runs.ts";
import { costRatesOf, type RateOptions } from "./rates.ts";

export interface CostOptions extends RateOptions {
  /** Another run, artifact or version, which it is compared with. */
  readonly against?: string | undefined;
}

export interface RunCost extends CostReport {
  readonly comparison?: CostComparison;
}

/** Errors: project/argument for an unknown name. */
export async function costOfRun(at: Workspace, id: string, { against, ...rates }: CostOptions = {}): Promise<RunCost> {
  const store = await at.store();
  const charged = costRatesOf(at.file.config.prices, rates);
  const report = costReport(await lineageRuns(store, id), charged);
  const comparison = against === undefined ? undefined : compareCosts(report, costReport(await lineageRuns(store, against), charged));
  return { ...report, ...defined({ comparison }) };
}
