/**
 * The loop of a tuning, whatever is learnt: steps over micro-batches, a loss on what was set aside, the best values kept, checkpoints. What it
 * gives is a function of base, batches and recipe; being killed and resumed changes nothing.
 */
import { type LoamError, type Progress, type Tree, treeFrom, treeLeaves } from "../base/index.ts";
import { loadTree } from "../nn/index.ts";
import type { Device, DeviceArray, Tensor } from "../tensor/index.ts";
import {
  createTrainer,
  type HostBatch,
  latestCheckpoint,
  type MetricPoint,
  openMetricLog,
  optimizerStateShapes,
  type PackingState,
  type StepReport,
  saveCheckpoint,
  type TrainerOptions,
  type TrainerState,
} from "../train/index.ts";
import { type FrozenArrays, givenBackOnFailure, type TrainableArrays, type TrainableSpecs } from "./methods/index.ts";

/** What was measured on the part that selects. */
export interface Judged {
  readonly loss: number;
  readonly [measure: string]: number;
}
export interface Selection extends Judged {
  readonly step: number;
}

/** Micro-batches without end, and where they stand. */
export interface BatchSource {
  next(): HostBatch;
  state(): PackingState;
}

export interface FitOptions<B extends Record<string, Tensor>> {
  readonly trainer: Omit<TrainerOptions<TrainableSpecs, B>, "start" | "frozen">;
  readonly start: TrainableArrays;
  readonly frozen: FrozenArrays;
  /** Batches from where a checkpoint stood, or from the start. */
  readonly source: (state: PackingState | undefined) => BatchSource;
  /** Tokens of a micro-batch, for speed. */
  readonly tokensOf: (batch: HostBatch) => number;
  /** Absent where nothing is set aside: the last values are the result then. */
  readonly judge?: ((trainable: TrainableArrays, frozen: FrozenArrays) => Promise<Judged>) | undefined;
  /** Is the first one to be chosen? The one with less loss where absent. */
  readonly isBetter?: (a: Judged, b: Judged) => boolean;
  /** What is said of a judgement: `validation 1.234`. */
  readonly shown?: (judged: Judged) => string;
  /** The start is judged too, and may be chosen: what the base is worth. */
  readonly judgesStart: boolean;
  /** Values that are kept beside the chosen ones: those of the newest ends of epochs, which are judged too. Absent: none. */
  readonly keep?: { readonly most: number; readonly stepsIn: number } | undefined;
  /** Steps between two judgements. */
  readonly judgeEvery: number;
  /** Judgements without a gain that end it; 0 for never. */
  readonly patience: number;
  readonly logEvery: number;
  readonly checkpointSeconds: number;
  /** Identity of everything the result depends on; checkpoints of another are refused. */
  readonly identity: string;
  readonly folder: string;
  readonly eventsFolder?: string | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  readonly onProblem?: ((problem: LoamError) => void) | undefined;
  readonly now?: () => number;
}

/** Values at the end of an epoch. */
export interface Kept {
  readonly step: number;
  readonly trainable: TrainableArrays;
}

export interface Fitted {
  readonly trainable: TrainableArrays;
  readonly points: readonly MetricPoint[];
  readonly steps: number;
  readonly history: readonly Selection[];
  /** Which of the history was chosen; -1 where nothing is judged. */
  readonly best: number;
  /** Oldest first; the caller's, as `trainable` is. */
  readonly kept: readonly Kept[];
  readonly stoppedEarly: boolean;
  readonly resumedFrom: number;
  readonly totalMs: number;
}

interface Window {
  readonly steps: number;
  readonly loss: number;
  /** Sums, as of the loss; absent in checkpoints of before they were measured. */
  readonly measures?: Readonly<Record<string, number>>;
  readonly ms: number;
  readonly tokens: number;
}
const emptyWindow: Window = { steps: 0, loss: 0, ms: 0, tokens: 0 };

interface Position {
  readonly packing: PackingState;
  readonly level: number | null;
  readonly spikes: number;
  readonly history: readonly Selection[];
  readonly best: number;
  /** Steps whose values are kept; absent in checkpoints of before there were any. */
  readonly kept?: readonly number[];
  readonly window: Window;
  readonly tokens: number;
}

async function restore<B extends Record<string, Tensor>>(o: FitOptions<B>) {
  const { device, specs, optimizer: rules } = o.trainer;
  const found = await latestCheckpoint(o.folder, o.identity, p => o.onProblem?.(p));
  if (!found) return undefined;
  try {
    const position = found.state as unknown as Position;
    const load = (prefix: string, shapes: unknown) => loadTree(shapes, found.arrays, device, { prefix });
    const parameters = (await load("parameters", specs)) as TrainableArrays;
    const optimizer = (await load("optimizer", optimizerStateShapes(rules, specs))) as TrainerState<TrainableSpecs>["optimizer"];
    const best = position.best >= 0 ? ((await load("best", specs)) as TrainableArrays) : undefined;
    const kept: Kept[] = [];
    for (const step of position.kept ?? []) kept.push({ step, trainable: (await load(`kept.${step}`, specs)) as TrainableArrays });
    return { kept, state: { parameters, optimizer, step: found.step, level: position.level, spikes: position.spikes }, position, best };
  } finally {
    await found.arrays.close();
  }
}

const leavesOf = (tree: unknown): DeviceArray[] => treeLeaves<DeviceArray>(tree as Tree<DeviceArray>);

/** Copies values, into arrays of an earlier copy where there is one. */
async function copied(device: Device, from: TrainableArrays, into: TrainableArrays | undefined): Promise<TrainableArrays> {
  const source = leavesOf(from);
  const target = into ? leavesOf(into) : await Promise.all(source.map(a => device.zeros(a.shape, a.dtype)));
  for (const [i, a] of source.entries()) await target[i]!.write(await a.read());
  return into ?? (treeFrom<DeviceArray, DeviceArray>(from as Tree<DeviceArray>, target) as TrainableArrays);
}

/** Does a step end an epoch? One of 2.5 steps ends with its third, and the last step ends the last. */
export const endsEpoch = (step: number, { steps, stepsIn }: { readonly steps: number; readonly stepsIn: number }): boolean =>
  step === steps || Math.floor(step / stepsIn) > Math.floor((step - 1) / stepsIn);

/**
 * Trains from the start, or from the newest whole checkpoint in the folder. Takes `start` over; `frozen` stays the caller's, unless this fails: then all that
 * was given is given back. Errors: train/*; on abort the state is saved first.
 */
export async function runFit<B extends Record<string, Tensor>>(o: FitOptions<B>): Promise<Fitted> {
  return givenBackOnFailure([o.start, o.frozen], () => runSteps(o));
}

async function runSteps<B extends Record<string, Tensor>>(o: FitOptions<B>): Promise<Fitted> {
  const began = performance.now();
  const { device, steps, accumulate = 1 } = o.trainer;
  const restored = await restore(o);
  if (restored) for (const a of leavesOf(o.start)) a.dispose();
  const given = { ...o.trainer, frozen: o.frozen } as TrainerOptions<TrainableSpecs, B>;
  const trainer = await createTrainer(restored ? given : { ...given, start: o.start }, restored?.state);
  const resumedFrom = trainer.state.step;
  const log = openMetricLog(o.folder, resumedFrom, o.now ?? Date.now, o.eventsFolder);
  const source = o.source(restored?.position.packing);
  let history = [...(restored?.position.history ?? [])];
  let bestAt = restored?.position.best ?? -1;
  let best = restored?.best;
  const kept = [...(restored?.kept ?? [])];
  let window = restored?.position.window ?? emptyWindow;
  let tokens = restored?.position.tokens ?? 0;
  const isBetter = o.isBetter ?? ((a: Judged, b: Judged) => a.loss < b.loss);

  const draw = () => {
    const batches = Array.from({ length: accumulate }, () => source.next());
    return { batches, after: source.state() };
  };
  let consumed = source.state();
  const keptTree = () => Object.fromEntries(kept.map(k => [k.step, k.trainable]));
  const save = () =>
    saveCheckpoint(o.folder, {
      recipe: o.identity,
      step: trainer.state.step,
      arrays: { parameters: trainer.state.parameters, optimizer: trainer.state.optimizer, ...(best ? { best } : {}), kept: keptTree() },
      state: {
        packing: consumed,
        level: trainer.state.level,
        spikes: trainer.state.spikes,
        history,
        best: bestAt,
        kept: kept.map(k => k.step),
        window,
        tokens,
      } as never,
    });
  const isOver = () => o.patience > 0 && bestAt >= 0 && history.length - 1 - bestAt >= o.patience;

  /** Judges the values of now and keeps them where they are the best so far. */
  async function judge(step: number): Promise<Selection | undefined> {
    if (!o.judge) return undefined;
    const selection = { ...(await o.judge(trainer.state.parameters as TrainableArrays, o.frozen)), step };
    history = [...history, selection];
    if (bestAt < 0 || isBetter(selection, history[bestAt]!)) {
      bestAt = history.length - 1;
      best = await copied(device, trainer.state.parameters as TrainableArrays, best);
    }
    return selection;
  }

  /** Keeps the values of now; those that are too old give their memory. */
  async function keep(step: number, most: number): Promise<void> {
    const old = kept.length >= most ? kept.shift() : undefined;
    kept.push({ step, trainable: await copied(device, trainer.state.parameters as TrainableArrays, old?.trainable) });
  }

  let savedAt = performance.now();
  const loopBegan = performance.now();
  try {
    if (o.judgesStart && trainer.state.step === 0 && history.length === 0) await judge(0);
    let upcoming = draw();
    while (trainer.state.step < steps && !isOver()) {
      const { batches, after } = upcoming;
      const running = trainer.step(batches, o.signal);
      if (trainer.state.step + 1 < steps) upcoming = draw();
      const report = await running;
      consumed = after;
      const size = batches.reduce((n, b) => n + o.tokensOf(b), 0);
      tokens += size;
      window = {
        steps: window.steps + 1,
        loss: window.loss + report.loss,
        measures: Object.fromEntries(Object.entries(report.measures).map(([name, x]) => [name, (window.measures?.[name] ?? 0) + x])),
        ms: window.ms + report.totalMs,
        tokens: window.tokens + size,
      };
      const isLast = report.step === steps;
      const isKept = o.keep !== undefined && endsEpoch(report.step, { steps, stepsIn: o.keep.stepsIn });
      const selection = isLast || isKept || report.step % o.judgeEvery === 0 ? await judge(report.step) : undefined;
      if (isKept) await keep(report.step, o.keep!.most);
      if (selection || isLast || report.step % o.logEvery === 0) {
        log.write({
          step: report.step,
          tokens,
          loss: window.loss / window.steps,
          learningRate: report.learningRate,
          tokensPerSecond: Math.round(window.tokens / (window.ms / 1000)),
          gradientNorm: report.gradientNorm,
          ...(selection ? { heldOut: selection.loss } : {}),
          ...(window.measures?.tokenAccuracy === undefined ? {} : { tokenAccuracy: window.measures.tokenAccuracy / window.steps }),
          ...(selection?.tokenAccuracy === undefined ? {} : { heldOutTokenAccuracy: selection.tokenAccuracy }),
        });
        window = emptyWindow;
      }
      say(o, report, history, (performance.now() - loopBegan) / (report.step - resumedFrom));
      if (!isLast && performance.now() - savedAt > o.checkpointSeconds * 1000) {
        await save();
        savedAt = performance.now();
      }
      o.signal?.throwIfAborted();
    }
  } catch (error) {
    try {
      if (o.signal?.aborted && trainer.state.step > resumedFrom) await save();
    } finally {
      for (const a of leavesOf([best ?? {}, ...kept.map(k => k.trainable)])) a.dispose();
      trainer.dispose();
    }
    throw error;
  }
  const stepsDone = trainer.state.step;
  const last = trainer.finish() as TrainableArrays;
  if (best) for (const a of leavesOf(last)) a.dispose();
  return {
    trainable: best ?? last,
    points: log.points(),
    steps: stepsDone,
    history,
    best: bestAt,
    kept,
    stoppedEarly: stepsDone < steps,
    resumedFrom,
    totalMs: performance.now() - began,
  };
}

function say<B extends Record<string, Tensor>>(
  o: FitOptions<B>,
  report: StepReport,
  history: readonly Selection[],
  msPerStep: number,
): void {
  const last = history.at(-1);
  const { steps } = o.trainer;
  const shown = o.shown ?? (({ loss }: Judged) => `validation ${loss.toFixed(3)}`);
  o.progress({
    stage: "tune",
    done: report.step / steps,
    leftMs: msPerStep * (steps - report.step),
    message: `step ${report.step} of ${steps}  loss ${report.loss.toFixed(3)}${last ? `  ${shown(last)}` : ""}`,
    values: {
      step: report.step,
      steps,
      loss: report.loss,
      ...report.measures,
      ...(last ? { validationLoss: last.loss } : {}),
      ...(last?.tokenAccuracy === undefined ? {} : { validationTokenAccuracy: last.tokenAccuracy }),
    },
  });
}
