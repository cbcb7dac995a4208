/**
 * The loop of every training, of a model from nothing or of one that is tuned: steps over micro-batches, a loss on what is held out, the best values kept,
 * early stop, checkpoints, logs, progress. It knows no task: batches, loss and evaluation are given. What it gives is a function of these; being killed and
 * resumed changes nothing, not one bit.
 */
import { defined, type Json, type LoamError, type Progress, type ProgressEvent, type Tree, treeLeaves } from "../base/index.ts";
import { charged } from "../ledger/index.ts";
import type { ArraysOf } from "../nn/index.ts";
import type { DeviceArray, Tensor } from "../tensor/index.ts";
import { type Averaging, copyArrays, openAveraging } from "./average.ts";
import type { HostBatch } from "./batch.ts";
import { saveCheckpoint, saveShardedCheckpoint } from "./checkpoint.ts";
import {
  emptyLogWindow,
  type KeptValues,
  type LogWindow,
  metricPointOf,
  type Position,
  type RanksFrom,
  ranksFrom,
  readPoint,
  storedPoint,
  type ValidationPoint,
  type ValidationScores,
  widened,
} from "./loop-position.ts";
import { type MetricLog, type MetricPoint, noMetricLog, openMetricLog } from "./metrics.ts";
import { type NoiseLevel, nextNoiseLevel, noiseScaleOf } from "./noise-scale.ts";
import type { PackingState } from "./packing.ts";
import { isFirstRank, wantedBetweenSteps, withShard } from "./parallel/loop-ranks.ts";
import type { AverageOptions, ComputedPrecision } from "./part.ts";
import { type PrecisionTimes, precisionProblem } from "./precision.ts";
import { restore } from "./restore.ts";
import { microBatchesAt } from "./step-checks.ts";
import { createTrainer, type StepReport, type Trainer, type TrainerOptions } from "./trainer.ts";

/** Micro-batches without end, and where they stand. */
export interface BatchSource {
  next(): HostBatch;
  state(): PackingState;
}

export interface LoopOptions<S, B extends Record<string, Tensor>> {
  /** `start` is taken over, `frozen` stays the caller's. */
  readonly trainer: TrainerOptions<S, B>;
  /** Batches from where a checkpoint of a step stood, or from the start. */
  readonly source: (state: PackingState | undefined, step: number) => BatchSource;
  /** Tokens of a micro-batch, for speed. */
  readonly tokensOf: (batch: HostBatch) => number;
  /** Absent where nothing is held out. `onNative` is told the milliseconds inside native programs. */
  readonly evaluate?: ((parameters: ArraysOf<S>, onNative: (ms: number) => void) => Promise<ValidationScores>) | undefined;
  /** The start is evaluated too, and may be chosen: what the base is worth. */
  readonly evaluatesStart?: boolean | undefined;
  /** Steps between two evaluations; the last step is evaluated in any case. */
  readonly evaluateEvery: number;
  /** The values of the best evaluation are the result, not the last ones. */
  readonly keepsBest: boolean;
  /** Is the first one better? The one with less loss where absent. */
  readonly isBetter?: ((a: ValidationScores, b: ValidationScores) => boolean) | undefined;
  /** Evaluations without a gain that end it; 0 for never. */
  readonly patience: number;
  /** Values that are kept beside the best: those of the newest ends of epochs, which are evaluated too. Absent: none. */
  readonly keep?: { readonly most: number; readonly stepsIn: number } | undefined;
  /** A weight average, evaluated and kept in place of the weights of a step. */
  readonly average?: AverageOptions | undefined;
  readonly logEvery: number;
  readonly checkpointSeconds: number;
  /** Identity of everything the result depends on; checkpoints of another are refused. */
  readonly identity: string;
  /** Checkpoints and logs live here. */
  readonly folder: string;
  /** TensorBoard's event files; in `folder` when absent. */
  readonly eventsFolder?: string | undefined;
  readonly progress: Progress;
  /** What the progress of a step says beside its share and the time that is left. */
  readonly describe: (report: StepReport, at: LoopPlace) => Pick<ProgressEvent, "stage" | "message" | "values">;
  readonly signal?: AbortSignal | undefined;
  /** Hears of checkpoints that were refused. */
  readonly onProblem?: ((problem: LoamError) => void) | undefined;
  readonly now?: (() => number) | undefined;
}
/** Where the loop is. */
export interface LoopPlace {
  readonly steps: number;
  /** The newest evaluation. */
  readonly last: ValidationPoint | undefined;
  readonly msPerStep: number;
  readonly precision: ComputedPrecision;
}

export interface LoopResult<S> {
  readonly parameters: ArraysOf<S>;
  readonly points: readonly MetricPoint[];
  readonly steps: number;
  readonly history: readonly ValidationPoint[];
  /** Gradient noise scale in tokens, where it was measured and could be told. */
  readonly noiseScale: number | undefined;
  /** Which of the history is the best; -1 where the best is not kept. */
  readonly best: number;
  /** Oldest first; the caller's, as `parameters` is. */
  readonly kept: readonly KeptValues<S>[];
  readonly stoppedEarly: boolean;
  /** Numbers of ranks, each with the step from which on they trained; absent where one rank did all. */
  readonly ranks?: readonly RanksFrom[] | undefined;
  /** What the steps were computed in, and what was timed where this process chose it. */
  readonly precision: ComputedPrecision;
  readonly precisionTimes?: PrecisionTimes | undefined;
  readonly resumedFrom: number;
  /** Milliseconds of this process: in native programs, and in all. */
  readonly nativeMs: number;
  readonly totalMs: number;
}

/** What changes from step to step, beside what the trainer holds. */
interface Running<S> {
  readonly trainer: Trainer<S>;
  readonly log: MetricLog;
  readonly source: BatchSource;
  readonly averaging: Averaging<S>;
  readonly resumedFrom: number;
  noise: NoiseLevel | undefined;
  /** Where the source stood after the batches of the last step. */
  consumed: PackingState;
  history: readonly ValidationPoint[];
  bestAt: number;
  best: ArraysOf<S> | undefined;
  readonly kept: KeptValues<S>[];
  window: LogWindow;
  tokens: number;
  nativeMs: number;
  /** Numbers of ranks so far; empty where there was one alone. */
  readonly ranks: readonly RanksFrom[];
  /** The run was asked to stop between two steps: every rank is there. */
  isStopped: boolean;
}

// arrays of a tree of specifications are a tree of arrays, which its type cannot say of any S
const leavesOf = (tree: unknown): DeviceArray[] => treeLeaves<DeviceArray>(tree as Tree<DeviceArray>);
const dispose = (tree: unknown): void => {
  for (const a of leavesOf(tree)) a.dispose();
};

async function begin<S, B extends Record<string, Tensor>>(o: LoopOptions<S, B>): Promise<Running<S>> {
  const restored = await restore(o);
  const { start, ...fresh } = o.trainer;
  if (restored && start) dispose(start);
  const problem = precisionProblem(o.trainer.precision, o.trainer.device);
  if (problem) o.onProblem?.(problem);
  // what was chosen by timing is chosen once a run
  const chosen = defined({ precision: restored?.position.precision });
  const trainer = await createTrainer<S, B>(restored ? { ...fresh, ...chosen } : o.trainer, restored?.state);
  const resumedFrom = trainer.state.step;
  const log = isFirstRank(o.trainer.parallel) ? openMetricLog(o.folder, resumedFrom, o.now ?? Date.now, o.eventsFolder) : noMetricLog;
  const { position } = restored ?? {};
  const { device, optimizer, specs, steps } = o.trainer;
  const source = o.source(position?.packing, resumedFrom);
  return {
    trainer,
    log,
    source,
    averaging: openAveraging<S>({ device, optimizer, specs, steps, average: o.average, evaluated: trainer.evaluated }, restored?.averaged),
    resumedFrom,
    noise: position?.noise,
    consumed: source.state(),
    history: (position?.history ?? []).map(readPoint),
    bestAt: position?.best ?? -1,
    best: restored?.best,
    kept: [...(restored?.kept ?? [])],
    window: position?.window ?? emptyLogWindow,
    tokens: position?.tokens ?? 0,
    nativeMs: 0,
    ranks: ranksFrom(position?.ranks, resumedFrom, o.trainer.parallel?.group.size ?? 1),
    isStopped: false,
  };
}

function save<S, B extends Record<string, Tensor>>(o: LoopOptions<S, B>, r: Running<S>): Promise<void> {
  const { parameters, optimizer, step, level, spikes, lossScale } = r.trainer.state;
  const kept = Object.fromEntries(r.kept.map(k => [k.step, k.parameters]));
  const { taken } = r.averaging;
  const state: { readonly [K in keyof Position]: Json } = {
    packing: { ...r.consumed },
    level,
    spikes,
    history: r.history.map(storedPoint),
    best: r.bestAt,
    kept: r.kept.map(k => k.step),
    window: r.window,
    tokens: r.tokens,
    ...(taken.length ? { averaged: taken.length } : {}),
    ...(r.ranks.length ? { ranks: r.ranks } : {}),
    ...(r.noise ? { noise: { ...r.noise } } : {}),
    precision: r.trainer.precision,
    ...(lossScale ? { lossScale } : {}),
  };
  const values = { parameters, optimizer, ...(r.best ? { best: r.best } : {}), kept, ...(taken.length ? { averaged: taken } : {}) };
  const given = { recipe: o.identity, step, state };
  const { device, specs, parallel } = o.trainer;
  return charged("checkpoints", () =>
    parallel
      ? withShard(values, { device, specs, parallel }, arrays => saveShardedCheckpoint(o.folder, parallel.group, { ...given, arrays }))
      : saveCheckpoint(o.folder, { ...given, arrays: values }),
  );
}

const byLoss = (a: ValidationScores, b: ValidationScores): boolean => a.loss < b.loss;

/** Evaluates the values of now and keeps them where they are the best so far. */
async function evaluate<S, B extends Record<string, Tensor>>(o: LoopOptions<S, B>, r: Running<S>): Promise<ValidationPoint | undefined> {
  if (!o.evaluate) return undefined;
  const { step } = r.trainer.state;
  const measure = o.evaluate;
  const shown = await r.averaging.values(r.trainer.state);
  try {
    const scores = await charged("evaluation", () =>
      measure(shown.parameters, ms => {
        r.nativeMs += ms;
      }),
    );
    const point = { ...scores, step };
    r.history = [...r.history, point];
    if (o.keepsBest && (r.bestAt < 0 || (o.isBetter ?? byLoss)(point, r.history[r.bestAt]!))) {
      r.bestAt = r.history.length - 1;
      r.best = await copyArrays<S>(o.trainer.device, shown.parameters, r.best);
    }
    return point;
  } finally {
    shown.release();
  }
}

/** Keeps the values of now; those that are too old give their memory. */
async function keep<S, B extends Record<string, Tensor>>(o: LoopOptions<S, B>, r: Running<S>, most: number): Promise<void> {
  const old = r.kept.length >= most ? r.kept.shift() : undefined;
  const shown = await r.averaging.values(r.trainer.state);
  r.kept.push({ step: r.trainer.state.step, parameters: await copyArrays<S>(o.trainer.device, shown.parameters, old?.parameters) });
  shown.release();
}

/** Does a step end an epoch? One of 2.5 steps ends with its third, and the last step ends the last. */
export const endsEpoch = (step: number, { steps, stepsIn }: { readonly steps: number; readonly stepsIn: number }): boolean =>
  step === steps || Math.floor(step / stepsIn) > Math.floor((step - 1) / stepsIn);

/** What follows a step: evaluation, log, progress. */
async function follow<S, B extends Record<string, Tensor>>(
  o: LoopOptions<S, B>,
  r: Running<S>,
  report: StepReport,
  began: number,
): Promise<void> {
  const { steps } = o.trainer;
  const isLast = report.step === steps;
  const isKept = o.keep !== undefined && endsEpoch(report.step, { steps, stepsIn: o.keep.stepsIn });
  const found = isLast || isKept || report.step % o.evaluateEvery === 0 ? await evaluate(o, r) : undefined;
  if (isKept) await keep(o, r, o.keep!.most);
  // a line that falls on a skipped step is left out; the next one covers its steps
  if (!report.isSkipped && (found || isLast || report.step % o.logEvery === 0)) {
    r.log.write(metricPointOf(r.window, report, r, found));
    r.window = emptyLogWindow;
  }
  const msPerStep = (performance.now() - began) / (report.step - r.resumedFrom);
  const { stage, ...said } = o.describe(report, { steps, last: r.history.at(-1), msPerStep, precision: r.trainer.precision });
  o.progress({ stage, done: report.step / steps, leftMs: msPerStep * (steps - report.step), ...said });
}

async function runSteps<S, B extends Record<string, Tensor>>(o: LoopOptions<S, B>, r: Running<S>): Promise<void> {
  const { trainer } = r;
  const { steps } = o.trainer;
  const began = performance.now();
  let savedAt = began;
  const draw = (step: number) => ({
    batches: Array.from({ length: microBatchesAt(o.trainer, step) }, () => r.source.next()),
    after: r.source.state(),
  });
  const isOver = () => o.patience > 0 && r.bestAt >= 0 && r.history.length - 1 - r.bestAt >= o.patience;
  if (o.evaluatesStart && trainer.state.step === 0 && r.history.length === 0) await evaluate(o, r);
  let upcoming = draw(trainer.state.step);
  while (trainer.state.step < steps && !isOver()) {
    const { batches, after } = upcoming;
    const running = trainer.step(batches, o.signal);
    // the next step's batches are made while this one computes
    if (trainer.state.step + 1 < steps) upcoming = draw(trainer.state.step + 1);
    const report = await running;
    await r.averaging.take(trainer.state);
    if (report.noise) r.noise = nextNoiseLevel(r.noise, report.noise);
    r.consumed = after;
    r.nativeMs += report.nativeMs;
    const tokens = batches.reduce((n, b) => n + o.tokensOf(b), 0);
    r.tokens += tokens;
    r.window = widened(r.window, report, tokens);
    await follow(o, r, report, began);
    const isDue = report.step !== steps && performance.now() - savedAt > o.checkpointSeconds * 1000;
    const wanted = await wantedBetweenSteps(o.trainer.parallel, { save: isDue, stop: o.signal?.aborted === true });
    if (wanted.save) {
      await save(o, r);
      savedAt = performance.now();
    }
    if (wanted.stop) {
      r.isStopped = true;
      o.signal?.throwIfAborted();
      throw new DOMException("another rank was stopped", "AbortError");
    }
  }
}

/** The values that are the result; all others are given back. */
async function finish<S, B extends Record<string, Tensor>>(o: LoopOptions<S, B>, r: Running<S>): Promise<ArraysOf<S>> {
  const shown = await r.averaging.values(r.trainer.state);
  const averaged = r.best || shown.areTrained ? undefined : await copyArrays<S>(o.trainer.device, shown.parameters);
  shown.release();
  r.averaging.dispose();
  const last = r.trainer.finish();
  const result = r.best ?? averaged;
  if (result) dispose(last);
  return result ?? last;
}

/**
 * Trains from the start, or from the newest whole checkpoint in the folder; on abort the state is saved first. Where it fails, all that it made is given back.
 * Errors: train/*.
 */
export async function runLoop<S, B extends Record<string, Tensor>>(o: LoopOptions<S, B>): Promise<LoopResult<S>> {
  const began = performance.now();
  const r = await begin(o);
  const { trainer } = r;
  try {
    await runSteps(o, r);
  } catch (error) {
    try {
      // ranks that are not all between two steps cannot save together
      const canSave = o.trainer.parallel ? r.isStopped : o.signal?.aborted;
      if (canSave && trainer.state.step > r.resumedFrom) await save(o, r);
    } finally {
      dispose([r.best ?? {}, ...r.kept.map(k => k.parameters)]);
      r.averaging.dispose();
      trainer.dispose();
    }
    throw error;
  }
  const steps = trainer.state.step;
  const parameters = await finish(o, r);
  return {
    parameters,
    points: r.log.points(),
    steps,
    history: r.history,
    noiseScale: noiseScaleOf(r.noise),
    best: r.bestAt,
    kept: r.kept,
    precision: trainer.precision,
    precisionTimes: trainer.precisionTimes,
    stoppedEarly: steps < o.trainer.steps,
    ...(r.ranks.length ? { ranks: r.ranks } : {}),
    resumedFrom: r.resumedFrom,
    nativeMs: r.nativeMs,
    totalMs: performance.now() - began,
  };
}
