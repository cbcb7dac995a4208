/** What curation did, rule by rule. Apart from `explore.ts`: `loam data report` loads no more than it shows. */
import { type DataReport, dataReport } from "../../data/index.ts";
import type { Workspace } from "../workspace.ts";
import { type DataSetState, openDataSet } from "./data-set.ts";

export interface DataReportOptions {
  /** Examples of each rule; default 3. */
  readonly examples?: number | undefined;
  /** Clusters of copies, the largest; default 5. */
  readonly clusters?: number | undefined;
  /** Counts which groups the kept documents mention, by split and source; default false. */
  readonly groups?: boolean | undefined;
}

/** Errors: project/argument, project/nothing. */
export async function dataSetReport(
  at: Workspace,
  name: string | undefined,
  { examples = 3, clusters = 5, groups = false }: DataReportOptions = {},
): Promise<DataSetState & DataReport> {
  const set = await openDataSet(at.file, await at.store(), name);
  return { name: set.name, isStale: set.isStale, ...(await dataReport(set.artifact, { examples, clusters, groups })) };
}
