/**
 * One pass of curation: a source through the steps to two sides, with the ledger. The pass is a job of tasks (`plan/`); here it is put together
 * from options, given to whoever works, and written down as the files of a documents artifact.
 */
import { defined } from "../base/index.ts";
import type { ArtifactWriter } from "../store/index.ts";
import type { Document } from "./document.ts";
import { type Assembled, assemble } from "./plan/assemble.ts";
import type { Executor } from "./plan/executor.ts";
import { binsFor, type DataJob, partitionsOf, type Wave } from "./plan/job.ts";
import type { KeptTasks } from "./plan/kept.ts";
import { type JobProgress, type RunJobOptions, runJob } from "./plan/run-job.ts";
import { type JobEnvironment, type TaskRunner, taskRunner } from "./plan/tasks.ts";
import type { StepWorkspace } from "./plan/workspace.ts";
import { noResources, type Resources } from "./resources.ts";
import type { ManifestEntry } from "./sources/file.ts";
import { contaminationTally } from "./steps/decontaminate/contamination.ts";
import { searchedItems } from "./steps/decontaminate/decontaminate.ts";
import type { DecontaminateOptions } from "./steps/decontaminate/options.ts";

/** A job over files; partitions and bins follow from their sizes. */
export const jobOf = (files: readonly ManifestEntry[], o: Omit<DataJob, "partitions" | "bins">): DataJob => ({
  ...o,
  partitions: partitionsOf(files),
  bins: binsFor(files.reduce((n, f) => n + f.sizeBytes, 0)),
});

interface CurateOptions {
  readonly workspace: StepWorkspace;
  readonly resources?: Resources;
  records: JobEnvironment["records"];
  /** Who does the tasks; without it they are done here, one after the other. */
  executor?(runner: TaskRunner): Executor;
  readonly maxBad: RunJobOptions["maxBad"];
  /** Called with the first wave before anything runs, and when all is written down. */
  kept?(first: Wave): KeptTasks;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
}

/**
 * Runs a job and writes the artifact's files. Errors: `data/tooManyBad`, `data/noDocuments`, `data/unknownDocument`, `data/splitImpossible`,
 * the abort signal's reason.
 */
export async function curate(job: DataJob, output: ArtifactWriter, o: CurateOptions): Promise<Assembled> {
  const { workspace, resources = noResources, maxBad, signal, onProgress } = o;
  const runner = await taskRunner(job, { workspace, resources, records: (partition, onBytes) => o.records(partition, onBytes) });
  const kept = o.kept?.(runner.waves[0]!);
  await kept?.restore();
  const executor = o.executor?.(runner);
  try {
    await runJob({ job, runner, workspace, maxBad, keepsFirst: kept !== undefined, signal, onProgress, ...defined({ executor }) });
  } finally {
    await executor?.close();
  }
  const contamination = await contaminationOf(job, resources);
  const made = await assemble(job, runner, workspace, output, contamination?.see);
  if (contamination) await output.write(contaminationFile, contamination.lines());
  await kept?.store();
  return made;
}

/** Clean or contaminated, an evaluation item a line: which of them this data set has spoilt. */
export const contaminationFile = "contamination.jsonl";

/** What the last `decontaminate` of a job left in the documents, gathered by evaluation item; undefined where it has none. */
async function contaminationOf(job: DataJob, resources: Resources) {
  const options = job.steps.findLast(s => s.step === "decontaminate")?.options as DecontaminateOptions | undefined;
  if (!options) return undefined;
  const tally = contaminationTally(await searchedItems(options, resources), { isCut: options.action === "cut" });
  return {
    see(side: "train" | "held-out" | "dropped", line: Buffer) {
      const { id, attributes } = JSON.parse(line.toString("utf8")) as Document;
      tally.see({ id, side, attributes });
    },
    lines: () =>
      tally
        .marks()
        .map(mark => `${JSON.stringify(mark)}\n`)
        .join(""),
  };
}

/** `3 empty, 1 json`: reasons by how often they came. */
export const reasonsLine = (reasons: Readonly<Record<string, number>>): string =>
  Object.entries(reasons)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .map(([r, n]) => `${n} ${r}`)
    .join(", ");
