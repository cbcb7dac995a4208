/**
 * Pre-training of a decoder on packed documents: batches, schedule, held-out loss, early stop, checkpoints and logs around the trainer. What
 * it does is a pure function of recipe and shards; being killed and resumed changes nothing, not one bit.
 */
import { type LoamError, type Progress, type Tree, treeFrom, treeLeaves } from "../base/index.ts";
import {
  type ArraysOf,
  crossEntropy,
  type DecoderConfig,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  disposeTree,
  dropoutFrom,
  loadTree,
  negativeLogLikelihood,
  type TensorsOf,
} from "../nn/index.ts";
import { compile, type Device, type DeviceArray, mul, sum, type Tensor } from "../tensor/index.ts";
import type { HostBatch } from "./batch.ts";
import { latestCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { type MetricLog, type MetricPoint, openMetricLog } from "./metrics.ts";
import { optimizerStateShapes } from "./optimizer.ts";
import { type PackedBatch, type PackingState, packer, packingStart, type TokenShards } from "./packing.ts";
import type { PretrainRecipe } from "./part.ts";
import { optimizerOf, stepsOf, tokensPerStep } from "./recipe.ts";
import { createTrainer, type StepReport, type Trainer, type TrainerOptions, type TrainerState } from "./trainer.ts";

export interface PretrainOptions {
  readonly device: Device;
  readonly model: DecoderConfig;
  readonly recipe: PretrainRecipe;
  readonly train: TokenShards;
  readonly heldOut: TokenShards;
  /** The end-of-document token. */
  readonly end: number;
  /** Identity of everything the result depends on; checkpoints of another are refused. */
  readonly identity: string;
  /** Checkpoints and logs live here. */
  readonly folder: string;
  /** TensorBoard's event files; in `folder` when absent. */
  readonly eventsFolder?: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** Hears of checkpoints that were refused. */
  readonly onProblem?: (problem: LoamError) => void;
  readonly now?: () => number;
  readonly profile?: string;
}

export interface PretrainResult {
  readonly parameters: ArraysOf<DecoderSpec>;
  readonly points: readonly MetricPoint[];
  readonly steps: number;
  readonly tokens: number;
  /** Nats per token on the held-out side at the end (or at the best evaluation, with early stopping). */
  readonly heldOut: number;
  readonly stoppedEarly: boolean;
  readonly resumedFrom: number;
  /** Milliseconds of this process: in native programs, and in all. */
  readonly nativeMs: number;
  readonly totalMs: number;
}

/** What a checkpoint holds beside arrays. */
interface Position {
  readonly packing: PackingState;
  readonly level: number | null;
  readonly spikes: number;
  readonly best: { readonly heldOut: number; readonly step: number; readonly misses: number } | null;
  /** Steps since the last logged point. */
  readonly window: Window;
}

interface Window {
  readonly steps: number;
  readonly loss: number;
  readonly ms: number;
}
const emptyWindow: Window = { steps: 0, loss: 0, ms: 0 };

type BatchTensors = { tokens: Tensor; targets: Tensor; segments: Tensor; positions: Tensor; weights: Tensor; seed: Tensor };

const hostBatch = (b: PackedBatch, seed: number, ids: readonly string[] | undefined): HostBatch => ({
  arrays: {
    tokens: b.tokens,
    targets: b.targets,
    segments: b.segments,
    positions: b.positions,
    weights: b.weights,
    seed: Int32Array.of(seed),
  },
  weight: b.weights.reduce((s, w) => s + w, 0),
  documents: ids ? b.documents.map(d => ids[d]!) : b.documents,
});

/** The loss of a micro-batch, as a function of parameters and batch: the one definition that training, evaluation and tests share. */
export const decoderLoss =
  (model: DecoderConfig, recipe: Pick<PretrainRecipe, "dropout" | "rematerialise" | "attentionBlock">) =>
  (p: TensorsOf<DecoderSpec>, b: BatchTensors, scale: Tensor): Tensor => {
    const logits = decoderLogits(model, p, b.tokens, {
      segments: b.segments,
      positions: b.positions,
      rematerialise: recipe.rematerialise,
      attentionBlock: recipe.attentionBlock,
      ...(recipe.dropout > 0 ? { dropout: dropoutFrom(recipe.dropout, b.seed) } : {}),
    });
    return crossEntropy(logits, b.targets, b.weights, scale);
  };

/** Mean nats per token over the first `batches` packed batches of the held-out side. */
function heldOutLoss(
  o: PretrainOptions,
  onNative: (ms: number) => void,
): { of(p: ArraysOf<DecoderSpec>): Promise<number>; dispose(): void } {
  const { rows, length, evaluateBatches } = o.recipe;
  const program = compile(
    (p: TensorsOf<DecoderSpec>, b: Omit<BatchTensors, "seed">) =>
      sum(
        mul(
          negativeLogLikelihood(
            decoderLogits(o.model, p, b.tokens, { segments: b.segments, positions: b.positions, attentionBlock: o.recipe.attentionBlock }),
            b.targets,
          ),
          b.weights,
        ),
      ),
    { device: o.device, name: "held-out" },
  );
  async function of(p: ArraysOf<DecoderSpec>): Promise<number> {
    const source = packer(o.heldOut, { rows, length, end: o.end, seed: "held-out" });
    let [total, weight] = [0, 0];
    for (let i = 0; i < evaluateBatches; i++) {
      const b = source.next();
      // one pass over the held-out side is enough
      if (i > 0 && source.state().epoch > 0) break;
      const host = hostBatch(b, 0, undefined);
      const { seed: _, ...arrays } = host.arrays;
      const given: Record<string, DeviceArray> = {};
      for (const [name, data] of Object.entries(arrays))
        given[name] = await o.device.array(data, name === "weights" ? "f32" : "i32", [rows, length]);
      const out = await program.with({ onNative }, p, given as never);
      total += await out.item();
      weight += host.weight;
      out.dispose();
      for (const a of Object.values(given)) a.dispose();
    }
    return total / weight;
  }
  return { of, dispose: () => program.dispose() };
}

function trainerOptions(o: PretrainOptions): TrainerOptions<DecoderSpec, BatchTensors> {
  const { rows, length } = o.recipe;
  const shape = [rows, length];
  const specs = decoderSpec(o.model);
  return {
    device: o.device,
    specs,
    loss: decoderLoss(o.model, o.recipe),
    batch: {
      tokens: { shape, dtype: "i32", below: o.model.vocab },
      targets: { shape, dtype: "i32", below: o.model.vocab },
      segments: { shape, dtype: "i32" },
      positions: { shape, dtype: "i32" },
      weights: { shape, dtype: "f32" },
      seed: { shape: [], dtype: "i32" },
    },
    optimizer: optimizerOf(o.recipe, specs),
    rate: o.recipe.rate,
    schedule: o.recipe.schedule,
    steps: stepsOf(o.recipe),
    clip: o.recipe.clip,
    accumulate: o.recipe.accumulate,
    precision: o.recipe.precision,
    seed: o.recipe.seed,
    spike: o.recipe.spike,
    spikeSteps: o.recipe.spikeSteps,
    ...(o.profile === undefined ? {} : { profile: o.profile }),
  };
}

/** Reads a checkpoint back into what the trainer and the loop start from. */
async function restore(o: PretrainOptions, t: TrainerOptions<DecoderSpec, BatchTensors>) {
  const found = await latestCheckpoint(o.folder, o.identity, p => o.onProblem?.(p));
  if (!found) return undefined;
  try {
    const parameters = await loadTree(t.specs, found.arrays, o.device, { prefix: "parameters" });
    const optimizer = (await loadTree(optimizerStateShapes(t.optimizer, t.specs), found.arrays, o.device, {
      prefix: "optimizer",
    })) as TrainerState<DecoderSpec>["optimizer"];
    const position = found.state as unknown as Position;
    const best = position.best ? await loadTree(t.specs, found.arrays, o.device, { prefix: "best" }) : undefined;
    return { state: { parameters, optimizer, step: found.step, level: position.level, spikes: position.spikes }, position, best };
  } finally {
    await found.arrays.close();
  }
}

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: train/*; on abort the state is saved first. */
export async function pretrain(o: PretrainOptions): Promise<PretrainResult> {
  const { recipe } = o;
  const steps = stepsOf(recipe);
  const options = trainerOptions(o);
  const restored = await restore(o, options);
  const trainer: Trainer<DecoderSpec> = await createTrainer(options, restored?.state);
  const resumedFrom = trainer.state.step;
  const now = o.now ?? Date.now;
  const log: MetricLog = openMetricLog(o.folder, resumedFrom, now, o.eventsFolder);
  const source = packer(
    o.train,
    { rows: recipe.rows, length: recipe.length, end: o.end, seed: recipe.seed },
    restored?.position.packing ?? packingStart,
  );
  let best = restored?.position.best ?? null;
  let bestParameters = restored?.best;
  const started = performance.now();
  let nativeMs = 0;
  const evaluate = heldOutLoss(o, ms => {
    nativeMs += ms;
  });

  /** Micro-batches of a step, and where the stream stands after them. */
  const draw = (step: number) => {
    const batches = Array.from({ length: recipe.accumulate }, (_, i) =>
      hostBatch(source.next(), step * recipe.accumulate + i, o.train.ids),
    );
    return { batches, after: source.state() };
  };
  let consumed = source.state();
  let window = restored?.position.window ?? emptyWindow;
  const save = () =>
    saveCheckpoint(o.folder, {
      recipe: o.identity,
      step: trainer.state.step,
      arrays: {
        parameters: trainer.state.parameters,
        optimizer: trainer.state.optimizer,
        ...(bestParameters ? { best: bestParameters } : {}),
      },
      state: { packing: consumed, level: trainer.state.level, spikes: trainer.state.spikes, best, window } as never,
    });

  let savedAt = performance.now();
  let stoppedEarly = best !== null && recipe.patience > 0 && best.misses >= recipe.patience;
  let heldOut = best?.heldOut ?? Number.NaN;
  let upcoming = draw(trainer.state.step);
  try {
    while (trainer.state.step < steps && !stoppedEarly) {
      const { batches, after } = upcoming;
      const running = trainer.step(batches, o.signal);
      // pack the next step while this one computes
      if (trainer.state.step + 1 < steps) upcoming = draw(trainer.state.step + 1);
      const report = await running;
      consumed = after;
      nativeMs += report.nativeMs;
      window = { steps: window.steps + 1, loss: window.loss + report.loss, ms: window.ms + report.totalMs };
      const last = report.step === steps;
      const evaluated = last || report.step % recipe.evaluateEvery === 0;
      if (evaluated) {
        heldOut = await evaluate.of(trainer.state.parameters);
        if (recipe.patience > 0) {
          if (best === null || heldOut < best.heldOut) {
            best = { heldOut, step: report.step, misses: 0 };
            bestParameters = await copyParameters(o.device, trainer.state.parameters, bestParameters);
          } else best = { ...best, misses: best.misses + 1 };
          stoppedEarly = best.misses >= recipe.patience;
        }
      }
      if (evaluated || report.step % recipe.logEvery === 0) {
        log.write(pointOf(window, report, recipe, evaluated ? heldOut : undefined));
        window = emptyWindow;
      }
      say(o, report, log, steps, started, resumedFrom);
      if (!last && performance.now() - savedAt > recipe.checkpointSeconds * 1000) {
        await save();
        savedAt = performance.now();
      }
      o.signal?.throwIfAborted();
    }
  } catch (error) {
    try {
      if (o.signal?.aborted && trainer.state.step > resumedFrom) await save();
    } finally {
      trainer.dispose();
      if (bestParameters) disposeTree(bestParameters);
    }
    throw error;
  } finally {
    evaluate.dispose();
  }
  const stepsDone = trainer.state.step;
  const useBest = recipe.patience > 0 && bestParameters !== undefined;
  const last = trainer.finish();
  const other = useBest ? last : bestParameters;
  if (other) disposeTree(other);
  return {
    parameters: useBest ? bestParameters! : last,
    points: log.points(),
    steps: stepsDone,
    tokens: stepsDone * tokensPerStep(recipe),
    heldOut: useBest ? best!.heldOut : heldOut,
    stoppedEarly,
    resumedFrom,
    nativeMs,
    totalMs: performance.now() - started,
  };
}

/** One logged point of the steps since the last one. */
function pointOf(window: Window, last: StepReport, recipe: PretrainRecipe, heldOut: number | undefined): MetricPoint {
  return {
    step: last.step,
    tokens: last.step * tokensPerStep(recipe),
    loss: window.loss / window.steps,
    learningRate: last.learningRate,
    tokensPerSecond: Math.round((window.steps * tokensPerStep(recipe)) / (window.ms / 1000)),
    gradientNorm: last.gradientNorm,
    ...(heldOut === undefined ? {} : { heldOut }),
  };
}

function say(o: PretrainOptions, report: StepReport, log: MetricLog, steps: number, started: number, from: number): void {
  const perStep = (performance.now() - started) / (report.step - from);
  const heldOut = log.points().findLast(p => p.heldOut !== undefined)?.heldOut;
  const tokensPerSecond = tokensPerStep(o.recipe) / (perStep / 1000);
  o.progress({
    stage: "train",
    done: report.step / steps,
    leftMs: perStep * (steps - report.step),
    message: `${Math.round(tokensPerSecond).toLocaleString("en-US")} tok/s  loss ${report.loss.toFixed(3)}${heldOut === undefined ? "" : `  held-out ${heldOut.toFixed(3)}`}`,
    values: {
      step: report.step,
      steps,
      loss: report.loss,
      gradientNorm: report.gradientNorm,
      learningRate: report.learningRate,
      tokensPerSecond,
      ...(heldOut === undefined ? {} : { heldOut }),
    },
  });
}

/** Copies parameters, into arrays of an earlier copy where there is one. */
async function copyParameters(
  device: Device,
  from: ArraysOf<DecoderSpec>,
  into: ArraysOf<DecoderSpec> | undefined,
): Promise<ArraysOf<DecoderSpec>> {
  const source = treeLeaves<DeviceArray>(from as Tree<DeviceArray>);
  const target = into
    ? treeLeaves<DeviceArray>(into as Tree<DeviceArray>)
    : await Promise.all(source.map(a => device.zeros(a.shape, a.dtype)));
  await Promise.all(source.map(async (a, i) => target[i]!.write(await a.read())));
  return into ?? (treeFrom<DeviceArray, DeviceArray>(from as Tree<DeviceArray>, target) as ArraysOf<DecoderSpec>);
}
