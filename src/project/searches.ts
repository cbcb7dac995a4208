/**
 * Hyperparameter searches of a project: the trials of a study, run here or by worker processes, its winner judged once on the test half. And the
 * studies there are.
 */
import { availableParallelism } from "node:os";
import { defined, environment, nearest, readText, withDetails, writeFileAtomic } from "../base/index.ts";
import { documentsOf } from "../data/index.ts";
import type { EngineName } from "../launch/index.ts";
import {
  findStudy,
  listStudies,
  openArtifact,
  type Store,
  type StoredStudy,
  type StoredTrial,
  trialBoard,
  trialsOf,
} from "../store/index.ts";
import { halfOf, importance, type Point, paretoFront, ranked, type SearchPart, spaceOf, studyOf, tuneErrors } from "../tune/index.ts";
import { progressFor, type Watch } from "./call.ts";
import { projectErrors } from "./errors.ts";
import { engineOf, type LaunchOptions } from "./launching/workers.ts";
import { type Link, lazyDevice } from "./life.ts";
import { type ProjectFile, projectFile } from "./project-file.ts";
import { runLinks } from "./run-links.ts";
import { type StudySpec, specOf, studyFor } from "./searching/definition.ts";
import { type FoldComparison, foldComparison } from "./searching/fold-comparison.ts";
import { leadWorkers } from "./searching/leader.ts";
import { ignoreProblem, type TrialResult } from "./searching/trial.ts";
import { trialKind } from "./searching/trial-links.ts";
import { shortReason, trialCounts } from "./searching/trial-text.ts";
import { doubtOf, holdsOut, judgeWinner, type StudyVerdict, toldVerdict } from "./searching/verdict.ts";
import { withPoint } from "./searching/winner.ts";
import { workOnStudy } from "./searching/worker.ts";
import type { Workspace } from "./workspace.ts";

export interface SearchOptions extends LaunchOptions {
  /** Trials in all, those made before included; default: the search's. */
  readonly trials?: number | undefined;
  /** Worker processes; 0: this process alone; default: the search's `parallel`; with an engine, `launch.workers` of loam.yaml before that. */
  readonly workers?: number | undefined;
  /** Puts the winner's values into loam.yaml where it is significantly better than the configuration as it is. */
  readonly write?: boolean | undefined;
  /** With `write`: also where it is not. */
  readonly anyway?: boolean | undefined;
}

/** What came of a search. */
export interface SearchReport {
  readonly study: string;
  readonly spec: StudySpec;
  readonly trials: readonly StoredTrial[];
  /** Number of the best trial; null before one came to its end. */
  readonly winner: number | null;
  /** Whether the best trial is the configuration as it is. */
  readonly isUsual: boolean;
  readonly paretoFront: readonly number[];
  readonly folds?: FoldComparison;
  /** Null where there is no test set. */
  readonly verdict: StudyVerdict | null;
  /** Whether there is a test set: held-out data that selected nothing. */
  readonly holdsOut: boolean;
  /** Why the winner is not shown to be better than the configuration as it is. */
  readonly doubt: string | undefined;
  /** Whether its values stand in loam.yaml now. */
  readonly written: boolean;
}

export interface StudyRow {
  readonly id: string;
  readonly name: string;
  readonly spec: StudySpec;
  readonly createdMs: number;
  readonly trials: readonly StoredTrial[];
}

export interface StudyReport extends StudyRow {
  /** Numbers of the trials of the Pareto front. */
  readonly best: readonly number[];
  /** Share of the first objective's variance by parameter (fANOVA). */
  readonly importance: ReturnType<typeof importance>;
  readonly folds?: FoldComparison;
  readonly verdict: StudyVerdict | null;
}

/** The search that is meant: the one named, else the only one. */
function searchNameOf({ config }: ProjectFile, given: string | undefined): string {
  const known = Object.keys(config.searches);
  const wanted = given ?? (known.length === 1 ? known[0] : undefined);
  if (wanted !== undefined && known.includes(wanted)) return wanted;
  const near = wanted === undefined ? undefined : nearest(wanted, known);
  throw projectErrors.fail("argument", {
    place: "loam tune search",
    expected: known.length > 0 ? `one of ${known.join(", ")}` : `a search under \`searches:\` in ${projectFile}`,
    received: wanted === undefined ? "none" : `"${wanted}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** Threads of a worker: its share of this machine's processors, or the processors that an engine elsewhere gave it. */
const shareOf = (workers: number): number => {
  const given = Number(environment().LOAM_TASK_CPUS);
  return given >= 1 ? given : Math.max(1, Math.floor(availableParallelism() / Math.max(1, workers)));
};

/** Each worker has its share of the processors, unless the project says how many threads a device has. */
const withThreads = (p: ProjectFile, workers: number): ProjectFile => ({
  ...p,
  config: { ...p.config, device: { ...p.config.device, threads: p.config.device.threads ?? shareOf(workers) } },
});

/** The links that make what stands under a label. */
function neededFor(links: readonly Link[], label: string): Link[] {
  const found = links.find(l => l.label === label);
  const before = found ? Object.values(found.inputs).flatMap(input => neededFor(links, input)) : [];
  return found ? [...new Set([...before, found])] : [];
}

interface Searching {
  readonly file: ProjectFile;
  readonly store: Store;
  readonly name: string;
  readonly search: SearchPart;
  readonly total: number;
  readonly workers: number;
  readonly engine: EngineName;
  readonly address: string | undefined;
}

/** Makes what a study judges by, and finds or begins it. Errors: tune/halves before anything trains. */
async function openedStudy({ file, store, name, search }: Searching, watch: Watch): Promise<StoredStudy> {
  const given = { usual: file, varies: Object.keys(search.space) };
  const { judged: label, beside, preparing, unit } = trialKind(given, search.model, { onProblem: ignoreProblem });
  const needed = [label, ...Object.values(beside)].flatMap(l => neededFor(preparing, l));
  const { made } = await runLinks(store, [...new Set(needed)], {}, watch);
  const judged = made.get(label)!;
  if (unit === "bits per byte") {
    const heldOut = [];
    for await (const { id, attributes } of documentsOf(judged, "held-out")) heldOut.push({ id, attributes });
    halfOf(heldOut, "test", `${judged.id}/held-out`);
  }
  const others = Object.fromEntries(Object.entries(beside).map(([as, l]) => [as, made.get(l)!]));
  return studyFor(file, name, search, { judged, beside: others, unit }, store);
}

/** Runs the trials that are missing. */
async function runTrials(o: Searching, study: StoredStudy, before: readonly StoredTrial[], watch: Watch): Promise<void> {
  const { file, store, search, total, workers } = o;
  const onTrial = (trial: number, point: unknown, result: TrialResult) => watch.emit({ event: "trial", trial, point, ...result });
  if (workers === 0) {
    const points = new Map<number, unknown>(before.map(t => [t.number, t.point]));
    await workOnStudy({
      project: file,
      store,
      study,
      search,
      trials: total,
      around: { onProblem: ignoreProblem, device: lazyDevice(file) },
      signal: watch.signal,
      progress: trial => progressFor(watch, `trial ${trial}`),
      onStart: (trial, point) => void points.set(trial, point),
      onEnd: (trial, result) => onTrial(trial, points.get(trial), result),
    });
    watch.signal.throwIfAborted();
    return;
  }
  const size = ["--workers", String(workers), "--trials", String(total)];
  const args = ["tune", "search", o.name, "--worker", study.id, ...size];
  await leadWorkers(
    { project: file, engine: o.engine, address: o.address, workers, name: "loam-search", args, mostReplacements: 3 * total },
    { store, study: study.id, before, onTrial },
    watch,
  );
}

/** Judges the winner, and puts it into loam.yaml where that is wanted. */
async function concluded(
  { file, store }: Searching,
  study: StoredStudy,
  { write, anyway }: SearchOptions,
  watch: Watch,
): Promise<SearchReport> {
  const spec = specOf(study);
  const trials = await trialBoard(store, study.id).trials();
  const [winner] = ranked(spec, trials);
  watch.emit({ event: "trials", study: study.id, spec, trials });
  const kind = trialKind({ usual: file, varies: Object.keys(spec.space as object) }, spec.model, { onProblem: ignoreProblem });
  const verdict = await judgeWinner({
    project: file,
    store,
    study,
    trials,
    kind,
    around: { onProblem: ignoreProblem, device: lazyDevice(file) },
    progress: progressFor(watch, "test half"),
    tell: text => watch.emit({ event: "warning", message: `loam: ${text}` }),
    signal: watch.signal,
  });
  const hasHeldOut = kind.judge !== undefined && winner !== undefined && (await holdsOut(store, study));
  const folds = await foldComparison(store, study, trials);
  const isUsual = winner?.origin === "default";
  const doubt = doubtOf(trials, verdict);
  const written = winner !== undefined && !isUsual && write === true && (doubt === undefined || anyway === true);
  if (written) writeFileAtomic(file.file, withPoint(readText(file.file), spec.model, winner.point as Point, projectFile));
  return {
    study: study.id,
    spec,
    trials,
    winner: winner?.number ?? null,
    isUsual,
    paretoFront: paretoFront(spec, trials).map(t => t.number),
    ...defined({ folds }),
    verdict: verdict ?? null,
    holdsOut: hasHeldOut,
    doubt,
    written,
  };
}

/** Errors: tune/noTrial where trials ended and none came to its end, with the report as details. */
function checkTrials(report: SearchReport): SearchReport {
  const { study, trials } = report;
  const failed = trials.filter(t => t.state === "failed");
  if (trials.length === 0 || failed.length < trials.length) return report;
  const received = `${failed.length === 1 ? "one that failed" : `${failed.length} that failed`}: ${shortReason(failed[0]!.reason ?? "")}`;
  const hint = `\`loam tune show ${study}\` shows each.`;
  const { spec: _, ...details } = report;
  throw withDetails(tuneErrors.fail("noTrial", { place: study, expected: "a trial that comes to its end", received, hint }), {
    event: "result",
    ...details,
  });
}

/** Runs a search until its trials are used up, and evaluates the best one once on the test set. Errors: tune/noTrial where all trials failed. */
export async function searchStudy(
  workspace: Workspace,
  given: string | undefined,
  options: SearchOptions,
  watch: Watch,
): Promise<SearchReport> {
  const { file } = workspace;
  const name = searchNameOf(file, given);
  const search = file.config.searches[name]!;
  const wanted = engineOf(file, options);
  const { trials: total = search.trials, workers = (wanted && file.config.launch.workers) ?? search.parallel } = options;
  const store = await workspace.store();
  const o: Searching = { file, store, name, search, total, workers, engine: wanted ?? "local", address: options.launchAddress };
  const study = await openedStudy(o, watch);
  const before = await trialBoard(store, study.id).trials();
  const { objectives, unit } = specOf(study);
  const { sampler, pruner } = search;
  watch.emit({ event: "study", study: study.id, sampler, pruner, trials: total, counts: trialCounts(before), objectives, unit });
  await runTrials(o, study, before, watch);
  const asTrained = workers === 0 ? o : { ...o, file: withThreads(file, workers) };
  return checkTrials(await concluded(asTrained, study, options, watch));
}

export interface StudyWork {
  readonly study: string;
  readonly workers?: number | undefined;
  readonly trials?: number | undefined;
  readonly signal: AbortSignal;
  readonly progress: Parameters<typeof workOnStudy>[0]["progress"];
  onStart(trial: number, point: unknown): void;
  onEnd(trial: number, result: TrialResult): void;
}

/** A worker's share of a search that another process leads. */
export async function workOnSearch(workspace: Workspace, given: string | undefined, { study: id, ...o }: StudyWork): Promise<void> {
  const { file } = workspace;
  const search = file.config.searches[searchNameOf(file, given)]!;
  const { trials = search.trials, workers = search.parallel } = o;
  const store = await workspace.store();
  const study = await findStudy(store.records.read, id);
  const project = withThreads(file, workers);
  await workOnStudy({ ...o, project, store, study, search, trials, around: { onProblem: ignoreProblem, device: lazyDevice(project) } });
}

/** The project's studies, oldest first. */
export async function studiesOf(workspace: Workspace): Promise<StudyRow[]> {
  const { read } = (await workspace.store()).records;
  const rows: StudyRow[] = [];
  for (const study of await listStudies(read)) {
    const { id, name, createdMs } = study;
    rows.push({ id, name, spec: specOf(study), createdMs, trials: await trialsOf(read, id) });
  }
  return rows;
}

/** The newest report on the test half, as it was told. */
async function lastVerdict(store: Store, study: StoredStudy): Promise<StudyVerdict | undefined> {
  const artifact = study.verdicts.at(-1);
  if (artifact === undefined) return undefined;
  return toldVerdict(store, await openArtifact(store, artifact), study.verdicts.length);
}

/** A study with its trials and what they tell; the newest one where none is named. Errors: project/nothing; store/notFound. */
export async function studyReport(workspace: Workspace, wanted: string | undefined): Promise<StudyReport> {
  const store = await workspace.store();
  const { read } = store.records;
  const id = wanted ?? (await listStudies(read)).at(-1)?.id;
  if (id === undefined)
    throw projectErrors.fail("nothing", {
      place: "loam tune show",
      expected: "a study",
      received: "none",
      hint: "`loam tune search NAME` begins one.",
    });
  const study = await findStudy(read, id);
  const spec = specOf(study);
  const trials = await trialsOf(read, study.id);
  const verdict = await lastVerdict(store, study).catch(() => undefined);
  // a trial that gc has released keeps its value alone
  const folds = await foldComparison(store, study, trials).catch(() => undefined);
  return {
    id: study.id,
    name: study.name,
    spec,
    createdMs: study.createdMs,
    trials,
    best: paretoFront(spec, trials).map(t => t.number),
    importance: importance(spaceOf(spec), studyOf(spec, trials).trials, t => t.values![0]!, { seed: spec.seed }),
    ...defined({ folds }),
    verdict: verdict ?? null,
  };
}
