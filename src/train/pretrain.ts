/**
 * Pre-training of a decoder on packed documents: its batches, its loss and its held-out loss for the loop (`loop.ts`). What it does is a pure function of
 * recipe and shards.
 */
import { defined, type LoamError, type Progress } from "../base/index.ts";
import { type ArraysOf, type DecoderConfig, type DecoderSpec, disposeTree } from "../nn/index.ts";
import type { ProcessGroup } from "../ranks/index.ts";
import { type Device, showMesh } from "../tensor/index.ts";
import type { HostBatch } from "./batch.ts";
import { type BatchPlan, batchPlan } from "./batch-plan.ts";
import { batchSpecs, hostBatch, meshOfRun, rowShareOf } from "./decoder-batches.ts";
import { type DecoderBatch, decoderLoss, trainedSpec, withoutTraining } from "./decoder-training.ts";
import { trainErrors } from "./errors.ts";
import { heldOutLoss } from "./held-out.ts";
import { type BatchSource, type LoopPlace, type LoopResult, runLoop } from "./loop.ts";
import type { MetricPoint } from "./metrics.ts";
import { type PackingState, packer, packingStart, rowsOfShare, type TokenShards } from "./packing.ts";
import { splitModel } from "./parallel/model-split.ts";
import type { ParallelOptions } from "./parallel/parallel-options.ts";
import { type PartArrays, wholeArrays } from "./parallel/split-values.ts";
import type { ComputedPrecision, PretrainRecipe } from "./part.ts";
import type { PrecisionTimes } from "./precision.ts";
import { optimizerOf } from "./recipe.ts";
import type { StepReport, TrainerOptions } from "./trainer.ts";

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
  /** Gives the held-out loss in place of the mean nats per token over packed held-out batches: in nats, of a unit of the caller's. */
  readonly validate?: (parameters: ArraysOf<DecoderSpec>) => Promise<number>;
  /**
   * Ranks that train it together, each with its share of the rows of a step; all have the same options. Results are those of one rank up to the order of
   * float sums; every rank gets the parameters, the first one writes logs. The recipe's `mesh` is the caller's affair. Absent: one rank.
   */
  readonly ranks?: ProcessGroup | undefined;
}

export interface PretrainResult {
  readonly parameters: ArraysOf<DecoderSpec>;
  readonly points: readonly MetricPoint[];
  readonly steps: number;
  readonly tokens: number;
  /** Nats per token on the held-out side at the end (or at the best evaluation, with early stopping). */
  readonly heldOut: number;
  /** Gradient noise scale in tokens, where the recipe measures it and it could be told. */
  readonly noiseScale?: number;
  readonly stoppedEarly: boolean;
  /** Numbers of ranks, each with the step from which on they trained; absent where one rank did all. */
  readonly ranks?: LoopResult<DecoderSpec>["ranks"];
  /** What the steps were computed in, and milliseconds of a gradient in either where this process chose it. */
  readonly precision: ComputedPrecision;
  readonly precisionTimes?: PrecisionTimes | undefined;
  readonly resumedFrom: number;
  /** Milliseconds of this process: in native programs, and in all. */
  readonly nativeMs: number;
  readonly totalMs: number;
}

/** What a recipe's trainer is made of. */
export function trainerOptions(
  o: Pick<PretrainOptions, "device" | "model" | "recipe" | "profile" | "ranks">,
): TrainerOptions<DecoderSpec, DecoderBatch> {
  const { rows, length, vocabMultiple = 1 } = o.recipe;
  const share = rowShareOf(o);
  const batch = batchSpecs(o.model, [share ? rowsOfShare(rows, share) : rows, length]);
  const specs = trainedSpec(o.model, o.recipe);
  const loss = decoderLoss(o.model, { ...o.recipe, part: share?.part });
  const mesh = meshOfRun(o);
  const vocab = vocabMultiple * Math.ceil(o.model.vocab / vocabMultiple);
  const model = { family: "decoder", config: { ...o.model, vocab } } as const;
  const isGathered = o.recipe.zero === 3 && mesh.ranks > 1;
  if (isGathered && mesh.ranks > mesh.sizes.data)
    throw trainErrors.fail("mesh", { place: "train.zero", expected: "3 on the axis data alone", received: `3 on ${showMesh(mesh)}` });
  const isSplit = isGathered || mesh.ranks > mesh.sizes.data;
  const { pipeline, accumulate } = o.recipe;
  const split = isSplit ? splitModel({ mesh, model, specs, loss, batch, length, isGathered, pipeline, accumulate }) : undefined;
  const plan = batchPlan(o.recipe);
  const isConstant = o.recipe.batch === undefined && o.recipe.noiseScale === undefined;
  return {
    device: o.device,
    specs,
    loss,
    batch,
    optimizer: optimizerOf(o.recipe, specs),
    rate: o.recipe.rate,
    schedule: o.recipe.schedule,
    steps: plan.steps,
    clip: o.recipe.clip,
    accumulate: isConstant ? o.recipe.accumulate : step => plan.rowsAt(step).length,
    rateFactorAt: isConstant ? undefined : plan.rateFactorAt,
    measureNoise: o.recipe.noiseScale !== undefined,
    precision: o.recipe.precision,
    memoryBytes: o.recipe.memory,
    seed: o.recipe.seed,
    spike: o.recipe.spike,
    spikeSteps: o.recipe.spikeSteps,
    parallel: o.ranks && { group: o.ranks, zero: o.recipe.zero, split },
    ...defined({ profile: o.profile }),
  };
}

/** Packed rows of the train side, or a rank's share of each micro-batch of them; a micro-batch draws its random numbers from its place in the run. */
export function trainSource(
  { recipe, train, end, ranks }: Pick<PretrainOptions, "recipe" | "train" | "end" | "ranks">,
  state: PackingState = packingStart,
  step = 0,
): BatchSource {
  const { rows, length, seed, packing } = recipe;
  const plan = batchPlan(recipe);
  const source = packer(train, { rows, length, end, seed, packing }, state);
  const share = rowShareOf({ recipe, ranks });
  const usual = share ? rowsOfShare(rows, share) : rows;
  let [at, micro] = [step, 0];
  function next(): HostBatch {
    const sizes = plan.rowsAt(at);
    const count = sizes[micro]!;
    const drawn = at * plan.mostMicroBatches + micro;
    micro++;
    if (micro === sizes.length) [at, micro] = [at + 1, 0];
    const own = share ? rowsOfShare(count, share) : count;
    const batch = hostBatch(source.next(count, share), drawn, train.ids, own === usual ? undefined : [own, length]);
    return { ...batch, tokens: count * length };
  }
  return { state: () => source.state(), next };
}

/** Whole parameters of what a rank has of them; takes the arrays over. */
async function wholeOf(
  { device }: Pick<PretrainOptions, "device">,
  parallel: ParallelOptions | undefined,
  parameters: ArraysOf<DecoderSpec>,
): Promise<ArraysOf<DecoderSpec>> {
  const { split, group } = parallel ?? {};
  if (!split) return parameters;
  // parts by path, which a tree's type cannot say
  const parts = parameters as unknown as PartArrays;
  try {
    return (await wholeArrays(split, group!, device, parts)) as ArraysOf<DecoderSpec>;
  } finally {
    disposeTree(parts);
  }
}

/** A measure of whole parameters, of what a rank has of them. */
function onWhole(
  { device }: Pick<PretrainOptions, "device">,
  parallel: ParallelOptions | undefined,
  measure: NonNullable<PretrainOptions["validate"]>,
): NonNullable<PretrainOptions["validate"]> {
  const { split, group } = parallel ?? {};
  if (!split) return measure;
  return async parameters => {
    // parts by path, which a tree's type cannot say
    const whole = (await wholeArrays(split, group!, device, parameters as unknown as PartArrays)) as ArraysOf<DecoderSpec>;
    try {
      return await measure(whole);
    } finally {
      disposeTree(whole);
    }
  };
}

/** What the progress of a step says. */
function describeStep(plan: BatchPlan, report: StepReport, { steps, last, msPerStep, precision }: LoopPlace) {
  const { step, loss, gradientNorm, learningRate, isSkipped } = report;
  const heldOut = last === undefined ? {} : { heldOut: last.loss };
  const tokensPerSecond = plan.tokensBefore(step) / step / (msPerStep / 1000);
  return {
    stage: "train",
    message: `${Math.round(tokensPerSecond).toLocaleString("en-US")} tok/s${precision === "f32" ? "" : ` in ${precision}`}  ${isSkipped ? "step skipped" : `loss ${loss.toFixed(3)}`}${last === undefined ? "" : `  held-out ${last.loss.toFixed(3)}`}`,
    values: { step, steps, loss, gradientNorm, learningRate, tokensPerSecond, ...heldOut },
  };
}

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: train/*; on abort the state is saved first. */
export async function pretrain(o: PretrainOptions): Promise<PretrainResult> {
  const { recipe } = o;
  const plan = batchPlan(recipe);
  const trainer = trainerOptions(o);
  const { parallel } = trainer;
  const heldOut = heldOutLoss(o, parallel);
  const validate = o.validate && onWhole(o, parallel, o.validate);
  try {
    const result = await runLoop({
      trainer,
      source: (state, step) => trainSource(o, state, step),
      tokensOf: batch => batch.tokens ?? batch.arrays.tokens!.length,
      evaluate: async (parameters, onNative) => ({ loss: await (validate?.(parameters) ?? heldOut.of(parameters, onNative)) }),
      evaluateEvery: recipe.evaluateEvery,
      keepsBest: recipe.patience > 0,
      patience: recipe.patience,
      average: recipe.average,
      logEvery: recipe.logEvery,
      checkpointSeconds: recipe.checkpointSeconds,
      identity: o.identity,
      folder: o.folder,
      eventsFolder: o.eventsFolder,
      progress: o.progress,
      describe: (report, at) => describeStep(plan, report, at),
      signal: o.signal,
      onProblem: o.onProblem,
      now: o.now,
    });
    const { points, steps, history, best, noiseScale, ranks, precision, precisionTimes, resumedFrom, nativeMs, totalMs } = result;
    return {
      parameters: await withoutTraining(o.device, o.model, await wholeOf(o, parallel, result.parameters)),
      points,
      steps,
      tokens: plan.tokensBefore(steps),
      heldOut: (best >= 0 ? history[best] : history.at(-1))?.loss ?? Number.NaN,
      ...defined({ noiseScale, ranks }),
      // a run whose last step is one evaluation too many has stopped too
      stoppedEarly: recipe.patience > 0 && history.length - 1 - best >= recipe.patience,
      precision,
      precisionTimes,
      resumedFrom,
      nativeMs,
      totalMs,
    };
  } finally {
    heldOut.dispose();
  }
}
