/** Data sets made or found up to their curated documents, and tasks of jobs that others put on the store's board. */
import { isLoamError, pause } from "../../base/index.ts";
import { readMeasures, type StepCount, workOn } from "../../data/index.ts";
import { listJobs } from "../../store/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { dataLinksOf } from "../data-links.ts";
import { engineOf, type LaunchOptions, withWorkers } from "../launching/workers.ts";
import { runLinks } from "../run-links.ts";
import { dataSketchLink } from "../sketches/index.ts";
import type { Workspace } from "../workspace.ts";
import { dataNameOf } from "./data-set.ts";

export interface CurateOptions extends LaunchOptions {
  /** Runs what is up to date too. */
  readonly force?: boolean | undefined;
  /**
   * Worker threads; default: as many as processors. With an engine (`launch`): worker processes beside this one; default: `launch.workers` of loam.yaml, else 2.
   * The result is the same.
   */
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
  options: CurateOptions,
  watch: Watch,
  onSet: (set: CuratedSet) => void = () => {},
): Promise<CuratedData> {
  const engine = engineOf(at.file, options);
  if (engine === undefined) return curateHere(at, given, options, watch, onSet);
  const workers = options.workers ?? at.file.config.launch.workers ?? defaultWorkers;
  const store = await at.store();
  const launched = { project: at.file, engine, address: options.launchAddress, workers, name: "loam-data", args: workArgs };
  return withWorkers(
    { ...launched, mostReplacements: replacements * workers },
    watch,
    async () => (await listJobs(store)).length > 0,
    inner => curateHere(at, given, { force: options.force, shared: true }, inner, onSet),
  );
}

const defaultWorkers = 2;
/** Killed workers that are replaced, for each that was asked for. */
const replacements = 3;
/** A worker that has had no job for so long ends: whoever began the run is gone, and did not cancel it. */
const workArgs = ["data", "work", "--for", "600"];

async function curateHere(
  at: Workspace,
  given: string | undefined,
  { force, workers, shared = false }: CurateOptions,
  watch: Watch,
  onSet: (set: CuratedSet) => void,
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
  let idleSince = performance.now();
  for (;;) {
    signal.throwIfAborted();
    // a job of which no task is left is open until whoever began it takes it off the board, if that one still lives: the next one has its turn
    for (const job of (await listJobs(store)).filter(j => !failed.has(j.id))) {
      const { name } = (job.spec as { job: { name: string } }).job;
      const show = progressFor(watch, `data/${name}`);
      try {
        const done = await workOn(store, job, {
          folder: at.folder,
          signal,
          onDone: ({ wave }, waves) => show({ stage: "data", done: (wave + 1) / waves, message: `part ${wave + 1} of ${waves}` }),
        });
        if (done === 0) continue;
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
    await pause(lookMs, signal);
  }
  return { tasks };
}
