/** Data sets made or found up to their curated documents, and tasks of jobs that others put on the store's board. */
import { isLoamError } from "../../base/index.ts";
import { readMeasures, type StepCount, workOn } from "../../data/index.ts";
import { listJobs } from "../../store/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { dataLinksOf } from "../data-links.ts";
import { runLinks } from "../run-links.ts";
import { dataSketchLink } from "../sketches/index.ts";
import type { Workspace } from "../workspace.ts";
import { dataNameOf } from "./data-set.ts";

export interface CurateOptions {
  /** Runs what is up to date too. */
  readonly force?: boolean | undefined;
  /** Worker threads; default: as many as processors. The result is the same. */
  readonly workers?: number | undefined;
  /** Put the tasks on the store's board, for other processes and machines to take. */
  readonly shared?: boolean | undefined;
}

export interface CuratedSet {
  readonly name: string;
  /** Identifier of the documents. */
  readonly artifact: string;
  /** What each step saw, dropped and edited. */
  readonly steps: readonly StepCount[];
}

export interface CuratedData {
  /** Identifiers of artifacts by label. */
  readonly artifacts: Readonly<Record<string, string>>;
  /** Stages that ran. */
  readonly ran: number;
  readonly sets: readonly CuratedSet[];
}

/** The data set that is named, or all. Errors: project/argument; those of sources and steps. */
export async function curateData(
  at: Workspace,
  given: string | undefined,
  { force, workers, shared = false }: CurateOptions,
  watch: Watch,
  onSet: (set: CuratedSet) => void = () => {},
): Promise<CuratedData> {
  const names = given === undefined ? Object.keys(at.file.config.data) : [dataNameOf(at.file, given)];
  const store = await at.store();
  const artifacts: Record<string, string> = {};
  const sets: CuratedSet[] = [];
  let ran = 0;
  for (const name of names) {
    const result = await runLinks(store, [...dataLinksOf(at.file, name, { workers, shared }), dataSketchLink(name)], { force }, watch);
    ran += result.ran;
    for (const [label, a] of result.made) artifacts[label] = a.id;
    const documents = result.made.get(`data/${name}`)!;
    const set = { name, artifact: documents.id, steps: (await readMeasures(documents))?.steps ?? [] };
    onSet(set);
    sets.push(set);
  }
  return { artifacts, ran, sets };
}

export interface WorkOnDataOptions {
  /** Ends when no job was open for so long; default: works until the signal. 0: ends when no job is open. */
  readonly idleMs?: number | undefined;
}

export interface WorkedOnData {
  /** Tasks that were done here. */
  readonly tasks: number;
}

/** Between two looks at a board without jobs, ms. */
const lookMs = 500;

/** Takes part in shared runs of any process that uses the same store. A job that goes wrong is left, with a warning. */
export async function workOnData(
  at: Workspace,
  { idleMs = Number.POSITIVE_INFINITY }: WorkOnDataOptions,
  watch: Watch,
  onJob: (name: string, tasks: number) => void = () => {},
): Promise<WorkedOnData> {
  const { signal } = watch;
  const store = await at.store();
  /** Jobs that went wrong here: they go wrong for whoever started them as well. */
  const failed = new Set<string>();
  let tasks = 0;
  for (let idleSince = performance.now(); ; ) {
    signal.throwIfAborted();
    const [job] = (await listJobs(store)).filter(j => !failed.has(j.id));
    if (job) {
      const { name } = (job.spec as { job: { name: string } }).job;
      const show = progressFor(watch, `data/${name}`);
      try {
        const done = await workOn(store, job, {
          folder: at.folder,
          signal,
          onDone: ({ wave }, waves) => show({ stage: "data", done: (wave + 1) / waves, message: `part ${wave + 1} of ${waves}` }),
        });
        tasks += done;
        onJob(name, done);
      } catch (error) {
        if (!isLoamError(error) || signal.aborted) throw error;
        failed.add(job.id);
        watch.emit({ event: "warning", message: `loam: data/${name}: ${error.message}` });
      }
      idleSince = performance.now();
    }
    if (performance.now() - idleSince >= idleMs) break;
    await new Promise(next => setTimeout(next, lookMs));
  }
  return { tasks };
}
