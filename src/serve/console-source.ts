/**
 * What the console shows besides the engines: the artifact store's models, runs, evaluations and lineage. A port: the application gives functions that
 * read its project's store; without one the console's pages are empty. The types follow from the schemas of `http/console-answers/`.
 */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { ActionSource } from "./action-source.ts";
import type { DeploymentSource } from "./deployment-source.ts";
import type { DocumentSource } from "./document-source.ts";
import type { GovernanceSource } from "./governance-source.ts";
import type { runCost, runProfile } from "./http/console-answers/cost.ts";
import type { consoleDataReport } from "./http/console-answers/data-report.ts";
import type { consoleEvaluation } from "./http/console-answers/evaluations.ts";
import type {
  consoleMachine,
  consoleModel,
  consoleRun,
  dataSet,
  graph,
  maskedExamples,
  metricPoint,
} from "./http/console-answers/project.ts";
import type { LabelSource } from "./label-source.ts";
import type { ReleaseSource } from "./release-source.ts";
import type { RunTableSource } from "./run-table-source.ts";
import type { StartSource } from "./start-source.ts";
import type { WatchSource } from "./watch-source.ts";

export type ServedMachine = Answered<z.output<typeof consoleMachine>>;
export type ConsoleModel = Answered<z.output<typeof consoleModel>>;
export type ConsoleRun = Answered<z.output<typeof consoleRun>>;
/** A logged step of training; what a run did not measure is absent. */
export type ConsoleMetricPoint = Answered<z.output<typeof metricPoint>>;
export type ConsoleEvaluation = Answered<z.output<typeof consoleEvaluation>>;
export type ConsoleGraph = Answered<z.output<typeof graph>>;
/** A data set that was curated. */
export type ConsoleDataSet = Answered<z.output<typeof dataSet>>;

/** What `revisions` tells apart; each value differs from the one before as soon as the answers of its resources may differ. */
export interface RecordRevisions {
  /** Artifacts, model versions, aliases, gates, approvals. */
  readonly artifacts: string;
  /** Runs under way and their logs. */
  readonly runs: string;
}

type Answer<T> = T | Promise<T>;
export interface ConsoleSource {
  /** The project's name. */
  readonly project: string | null;
  machine(): Answer<ServedMachine>;
  models(): Answer<readonly ConsoleModel[]>;
  runs(): Answer<readonly ConsoleRun[]>;
  /** Undefined where there is no such run. */
  metrics(artifact: string): Answer<readonly ConsoleMetricPoint[] | undefined>;
  /** Which tokens a tuned model was trained on, of its first examples; undefined where it has none to show. */
  examples?(artifact: string): Answer<Answered<z.output<typeof maskedExamples>> | undefined>;
  /** What a run cost; undefined where there is no such run. Absent: no run has a ledger. */
  cost?(artifact: string): Answer<Answered<z.output<typeof runCost>> | undefined>;
  /** Undefined where there is no such run. */
  profile?(artifact: string): Answer<Answered<z.output<typeof runProfile>> | undefined>;
  evaluations(): Answer<readonly ConsoleEvaluation[]>;
  /** Undefined where there is no such artifact. */
  graph(id: string): Answer<ConsoleGraph | undefined>;
  /** The newest documents of every data set, the newest first. */
  dataSets(): Answer<readonly ConsoleDataSet[]>;
  /** What curation did, as the report says it; undefined where there is no such artifact. */
  dataReport(artifact: string): Answer<Answered<z.output<typeof consoleDataReport>> | undefined>;
  /** Read every second while a page is open. */
  revisions(): Answer<RecordRevisions>;
  /** Absent where the record has no versions to speak of: those pages are empty. */
  readonly releases?: ReleaseSource;
  /** Absent where there is no artifact store: the table is empty. */
  readonly runTable?: RunTableSource;
  /** Absent where no artifacts can be read: there are no documents to look through. */
  readonly documents?: DocumentSource;
  /** Absent where no project is served. */
  readonly deployments?: DeploymentSource;
  /** Absent where no project is served: nothing can be changed. */
  readonly actions?: ActionSource;
  /** Absent where no project is served, or its store is only read. */
  readonly starts?: StartSource;
  /** Absent where no project says what is labelled. */
  readonly labels?: LabelSource;
  /** Absent where no project is served. */
  readonly governance?: GovernanceSource;
  /** Absent where nobody monitors. */
  readonly watch?: WatchSource;
}
