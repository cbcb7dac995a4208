/** A worker of a study: takes a trial, or thinks of the next one, runs it, and so on until there is none. */
import { setImmediate } from "node:timers/promises";
import type { Progress } from "../../base/index.ts";
import { type Store, type StoredStudy, trialBoard } from "../../store/index.ts";
import { type Definition, nextPoint, type SearchPart } from "../../tune/index.ts";
import type { LifeSurroundings } from "../life.ts";
import type { ProjectFile } from "../project-file.ts";
import { specOf } from "./definition.ts";
import { runTrial, type TrialResult } from "./trial.ts";

interface WorkerGiven {
  readonly project: ProjectFile;
  readonly store: Store;
  readonly study: StoredStudy;
  /** Who chooses and who ends trials: as the file says now. */
  readonly search: Pick<SearchPart, "sampler" | "pruner">;
  /** Trials in all. */
  readonly trials: number;
  readonly around: LifeSurroundings;
  readonly signal: AbortSignal;
  readonly progress: (trial: number) => Progress;
  readonly onStart?: (trial: number, point: unknown) => void;
  readonly onEnd?: (trial: number, result: TrialResult) => void;
}

/** Between two looks at trials that others run: one may be left behind. */
const lookMs = 500;

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });

/** Works until all trials are ended, by whomever, or the signal aborts. */
export async function workOnStudy(o: WorkerGiven): Promise<void> {
  const spec = { ...specOf(o.study), ...o.search };
  const board = trialBoard(o.store, o.study.id);
  while (!o.signal.aborted) {
    const held = await board.take();
    if (held) {
      const { number } = held.trial;
      o.onStart?.(number, held.trial.point);
      const { project, store, around, signal } = o;
      const { id, createdMs } = o.study;
      const run = { project, store, study: id, sinceMs: createdMs, spec, around, signal, progress: o.progress(number) };
      o.onEnd?.(number, await runTrial(run, held));
      // whoever reads of it may stop here, before another trial is begun
      await setImmediate();
      continue;
    }
    const trials = await board.trials();
    const next = trials.length < o.trials ? nextOf(spec, trials) : undefined;
    if (next !== undefined) {
      // Another one may have written this number down meanwhile; then we look again.
      await board.offer(trials.length, trials.length === 0 ? "default" : "sampler", next as never);
      continue;
    }
    if (!trials.some(t => t.state === "running" || t.state === "waiting")) return;
    await sleep(lookMs, o.signal);
  }
}

const nextOf = (spec: Definition & { readonly usual: unknown }, trials: Parameters<typeof nextPoint>[1]) =>
  trials.length === 0 ? spec.usual : nextPoint(spec, trials);
