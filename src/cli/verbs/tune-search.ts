/** `loam tune search`: a study of loam.yaml, led from here: its trials run by worker processes, its winner judged once on the test half. */
import { availableParallelism } from "node:os";
import { formatDuration, nearest, readText, withDetails, writeFileAtomic } from "../../base/index.ts";
import { documentsOf } from "../../data/index.ts";
import { cliErrors, findProject, type Link, lazyDevice, type ProjectFile, projectFile, withProjectStore } from "../../project/index.ts";
import {
  doubtOf,
  foldComparison,
  foldSentence,
  holdsOut,
  ignoreProblem,
  judgeWinner,
  leadWorkers,
  pointLines,
  specOf,
  studyFor,
  type TrialResult,
  trialKind,
  withPoint,
  workOnStudy,
} from "../../project/searching/index.ts";
import { findStudy, type Store, type StoredStudy, trialBoard } from "../../store/index.ts";
import { halfOf, outcomeOf, type Point, paretoFront, ranked, type SearchPart, tuneErrors } from "../../tune/index.ts";
import { numberOption } from "../options.ts";
import { countsText, pointText, shortReason, trialTable, valuesText, verdictLines } from "../searching/tell.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";
import { runLinks } from "./run.ts";

/** The search that a command means: the one named, else the only one. */
export function searchNameOf({ config }: ProjectFile, given: string | undefined): string {
  const known = Object.keys(config.searches);
  const wanted = given ?? (known.length === 1 ? known[0] : undefined);
  if (wanted !== undefined && known.includes(wanted)) return wanted;
  const near = wanted === undefined ? undefined : nearest(wanted, known);
  throw cliErrors.fail("usage", {
    place: "loam tune search",
    expected: known.length > 0 ? `one of ${known.join(", ")}` : `a search under \`searches:\` in ${projectFile}`,
    received: wanted === undefined ? "none" : `"${wanted}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** Each worker has its share of the processors, unless the project says how many threads a device has. */
const withThreads = (p: ProjectFile, workers: number): ProjectFile => ({
  ...p,
  config: {
    ...p.config,
    device: {
      ...p.config.device,
      threads: p.config.device.threads ?? Math.max(1, Math.floor(availableParallelism() / Math.max(1, workers))),
    },
  },
});

/** Makes what a study judges by, and finds or begins it. Errors: tune/halves before anything trains. */
async function openedStudy(context: Context, p: ProjectFile, name: string, search: SearchPart, store: Store): Promise<StoredStudy> {
  const given = { usual: p, varies: Object.keys(search.space) };
  const { judged: label, beside, preparing, unit } = trialKind(given, search.model, { onProblem: ignoreProblem });
  const needed = [label, ...Object.values(beside)].flatMap(l => neededFor(preparing, l));
  const { made } = await runLinks(context, store, [...new Set(needed)], false);
  const judged = made.get(label)!;
  if (unit === "bits a byte") {
    const heldOut = [];
    for await (const { id, attributes } of documentsOf(judged, "held-out")) heldOut.push({ id, attributes });
    halfOf(heldOut, "test", `${judged.id}/held-out`);
  }
  const others = Object.fromEntries(Object.entries(beside).map(([as, l]) => [as, made.get(l)!]));
  return studyFor(p, name, search, { judged, beside: others, unit }, store);
}

/** The links that make what stands under a label. */
function neededFor(links: readonly Link[], label: string): Link[] {
  const found = links.find(l => l.label === label);
  const before = found ? Object.values(found.inputs).flatMap(input => neededFor(links, input)) : [];
  return found ? [...new Set([...before, found])] : [];
}

const endText = (study: StoredStudy, point: unknown, result: TrialResult): string => {
  const spec = specOf(study);
  return `${pointText(point)}  ->  ${result.state === "done" ? valuesText(spec, result.outcome.values) : `${result.state}${result.reason ? `: ${shortReason(result.reason)}` : ""}`}`;
};

export const tuneSearch: VerbRun = async (context, [given], options) => {
  if (options.anyway === true && options.write !== true)
    throw cliErrors.fail("usage", { place: "loam tune search: --anyway", expected: "--write before it", received: "--anyway alone" });
  const { out, signal } = context;
  const project = findProject(folderOf(context, options));
  const name = searchNameOf(project, given);
  const search = project.config.searches[name]!;
  const total = numberOption(options, "trials", "tune search", { least: 1, most: 10_000, whole: true }) ?? search.trials;
  const workers = numberOption(options, "workers", "tune search", { least: 0, most: 256, whole: true }) ?? search.parallel;
  const began = performance.now();
  await withProjectStore(project, async store => {
    if (typeof options.worker === "string") return work(context, withThreads(project, workers), store, options.worker, search, total);
    const study = await openedStudy(context, project, name, search, store);
    const board = trialBoard(store, study.id);
    const before = await board.trials();
    out.line(
      `  study ${study.id}: ${search.sampler}, ${search.pruner === "none" ? "no pruner" : search.pruner}; ${total} trials in all, ${countsText(before)}`,
    );
    const points = new Map<number, unknown>(before.map(t => [t.number, t.point]));
    const onEnd = (trial: number, result: TrialResult) => {
      out.done(`trial ${trial}`, endText(study, points.get(trial), result));
      out.event("trial", { trial, point: points.get(trial), ...result });
    };
    if (workers === 0) {
      await workOnStudy({
        project,
        store,
        study,
        search,
        trials: total,
        around: { onProblem: ignoreProblem, device: lazyDevice(project) },
        signal,
        progress: trial => out.progress(`trial ${trial}`),
        onStart: (trial, point) => points.set(trial, point),
        onEnd,
      });
      signal.throwIfAborted();
    } else
      await leadWorkers({
        args: [
          "tune",
          "search",
          name,
          "--worker",
          study.id,
          "--workers",
          String(workers),
          "--trials",
          String(total),
          "--project",
          project.folder,
          "--json",
        ],
        workers,
        mostDeaths: 3 * total,
        cwd: project.folder,
        signal,
        onDeath: how => out.warn(`loam: a worker died by ${how}; another one goes on with its trial.`),
        onEvent: e => {
          if (e.event === "trial-start") points.set(e.trial, e.point);
          else if (e.event === "trial-end") onEnd(e.trial, e.result);
          else if (e.event === "progress") out.progress(e.label)(e);
        },
      });
    const asTrained = workers === 0 ? project : withThreads(project, workers);
    await conclude(context, asTrained, store, study, { began, write: options.write === true, anyway: options.anyway === true });
  });
};

/** The worker's side: what happens goes to the leader as JSON lines, and the leader's end is the worker's. */
async function work(context: Context, project: ProjectFile, store: Store, id: string, search: SearchPart, trials: number): Promise<void> {
  const study = await findStudy(store.records.read, id);
  const left = new AbortController();
  process.once("disconnect", () => left.abort(new Error("the leader of the search is gone")));
  const { out } = context;
  await workOnStudy({
    project,
    store,
    study,
    search,
    trials,
    around: { onProblem: ignoreProblem, device: lazyDevice(project) },
    signal: AbortSignal.any([context.signal, left.signal]),
    progress: trial => out.progress(`trial ${trial}`),
    onStart: (trial, point) => out.event("trial-start", { trial, point }),
    onEnd: (trial, result) => out.event("trial-end", { trial, result }),
  });
  // the channel to the leader would keep this process alive
  process.disconnect?.();
}

async function conclude(
  context: Context,
  project: ProjectFile,
  store: Store,
  study: StoredStudy,
  { began, write: wanted, anyway }: { readonly began: number; readonly write: boolean; readonly anyway: boolean },
): Promise<void> {
  const { out, signal } = context;
  const spec = specOf(study);
  const trials = await trialBoard(store, study.id).trials();
  const [winner] = ranked(spec, trials);
  out.line(`\n  ${countsText(trials)} in ${formatDuration(performance.now() - began)}`);
  for (const line of trialTable(study, trials, 12)) out.line(line);
  const kind = trialKind({ usual: project, varies: Object.keys(spec.space as object) }, spec.model, { onProblem: ignoreProblem });
  const verdict = await judgeWinner({
    project,
    store,
    study,
    trials,
    kind,
    around: { onProblem: ignoreProblem, device: lazyDevice(project) },
    progress: out.progress("test half"),
    tell: text => out.warn(`loam: ${text}`),
    signal,
  });
  out.clear();
  if (winner && !(kind.judge && (await holdsOut(store, study))))
    out.line("\n  Nothing is held out that chose nothing: `loam eval` judges the winner on examples of your own.");
  const folds = await foldComparison(store, study, trials);
  if (folds) out.line(`\n  ${foldSentence(folds, spec.unit)}`);
  if (verdict) for (const line of ["", ...verdictLines(spec, verdict)]) out.line(line);
  const failed = trials.filter(t => t.state === "failed");
  const isLost = trials.length > 0 && failed.length === trials.length;
  if (!winner && !isLost) out.line("\n  No trial came to its end yet: `loam tune show` tells how far they are.");
  const isUsual = winner?.origin === "default";
  const doubt = doubtOf(trials, verdict);
  const write = wanted && (doubt === undefined || anyway);
  if (winner && isUsual) out.line(`\n  The configuration as it is was the best: nothing to change in ${projectFile}.`);
  if (winner && !isUsual) {
    const point = winner.point as Point;
    out.line(
      `\n  ${spec.objectives.length > 1 ? `Trial ${winner.number} of the Pareto front` : `Trial ${winner.number}`} in ${projectFile}${write ? " (written)" : doubt === undefined ? ", written there by --write" : ", written there by --write --anyway"}:`,
    );
    for (const line of pointLines(spec.model, point)) out.line(`    ${line}`);
    if (wanted && !write) out.warn(`loam: ${projectFile} was not changed: ${doubt}. --write --anyway writes the trial all the same.`);
    if (write) writeFileAtomic(project.file, withPoint(readText(project.file), spec.model, point, projectFile));
  }
  if (!isLost)
    out.line(
      `\n  next: loam tune show ${study.id}${winner ? `, loam trace ${outcomeOf(winner)!.artifacts.model}` : ""}${write && winner && !isUsual ? `, loam train ${spec.model}` : ""}`,
    );
  const document = {
    event: "result",
    study: study.id,
    trials,
    winner: winner?.number ?? null,
    paretoFront: paretoFront(spec, trials).map(t => t.number),
    ...(folds ? { folds } : {}),
    verdict: verdict ?? null,
    written: write && winner !== undefined && !isUsual,
  };
  if (!isLost) return out.result(document);
  const received = `${failed.length === 1 ? "one that failed" : `${failed.length} that failed`}: ${shortReason(failed[0]!.reason ?? "")}`;
  const hint = `\`loam tune show ${study.id}\` tells of each.`;
  throw withDetails(tuneErrors.fail("noTrial", { place: study.id, expected: "a trial that comes to its end", received, hint }), document);
}
