/**
 * Pre-training of a decoder on packed documents: its batches, its loss and its held-out loss for the loop (`loop.ts`). What it does is a pure function of
 * recipe and shards.
 */
import { defined, type LoamError, type Progress } from "../base/index.ts";
import { type ArraysOf, type DecoderConfig, type DecoderSpec, negativeLogLikelihood, type TensorsOf } from "../nn/index.ts";
import type { ProcessGroup } from "../ranks/index.ts";
import { type Device, type DeviceArray, mul, sum } from "../tensor/index.ts";
import type { HostBatch } from "./batch.ts";
import { type BatchPlan, batchPlan } from "./batch-plan.ts";
import { type DecoderBatch, decoderLoss, nextTokenLogits, trainedSpec, withoutTraining } from "./decoder-training.ts";
import { type BatchSource, type LoopPlace, type LoopResult, runLoop } from "./loop.ts";
import type { MetricPoint } from "./metrics.ts";
import { type PackedBatch, type PackingState, packer, packingStart, type RowShare, rowsOfShare, type TokenShards } from "./packing.ts";
import { gatherNumbers } from "./parallel/rank-arrays.ts";
import type { ComputedPrecision, PretrainRecipe } from "./part.ts";
import type { PrecisionTimes } from "./precision.ts";
import { optimizerOf } from "./recipe.ts";
import type { StepReport, TrainerOptions } from "./trainer.ts";
import { treeProgram } from "./tree-program.ts";

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

const hostBatch = (b: PackedBatch, seed: number, ids: readonly string[] | undefined, shape?: readonly number[]): HostBatch => ({
  arrays: {
    tokens: b.tokens,
    targets: b.targets,
    segments: b.segments,
    positions: b.positions,
    weights: b.weights,
    seed: Int32Array.of(seed),
  },
  ...(shape ? { shapes: { tokens: shape, targets: shape, segments: shape, positions: shape, weights: shape } } : {}),
  weight: b.weights.reduce((s, w) => s + w, 0),
  documents: ids ? b.documents.map(d => ids[d]!) : b.documents,
});

/** A rank's share of a batch's rows. */
const shareOf = (ranks: ProcessGroup | undefined): RowShare | undefined => ranks && { part: ranks.rank, of: ranks.size };

/** Mean nats per token over the first `batches` packed batches of the held-out side, which ranks take in turns. */
export function heldOutLoss(o: Pick<PretrainOptions, "device" | "model" | "recipe" | "heldOut" | "end" | "ranks">): {
  of(p: ArraysOf<DecoderSpec>, onNative: (ms: number) => void): Promise<number>;
  dispose(): void;
} {
  const { rows, length, evaluateBatches } = o.recipe;
  const program = treeProgram<DeviceArray>(
    (p: TensorsOf<DecoderSpec>, b: Omit<DecoderBatch, "seed">) =>
      sum(
        mul(
          negativeLogLikelihood(
            nextTokenLogits(o.model, p, b.tokens, {
              segments: b.segments,
              positions: b.positions,
              attentionBlock: o.recipe.attentionBlock,
            }),
            b.targets,
          ),
          b.weights,
        ),
      ),
    { device: o.device, name: "held-out" },
  );
  async function of(p: ArraysOf<DecoderSpec>, onNative: (ms: number) => void): Promise<number> {
    const source = packer(o.heldOut, { rows, length, end: o.end, seed: "held-out" });
    const { rank, size } = o.ranks ?? { rank: 0, size: 1 };
    const totals = new Array<number>(evaluateBatches).fill(0);
    let weight = 0;
    for (let i = 0; i < evaluateBatches; i++) {
      const b = source.next();
      // one pass over the held-out side is enough
      if (i > 0 && source.state().epoch > 0) break;
      const host = hostBatch(b, 0, undefined);
      weight += host.weight;
      if (i % size !== rank) continue;
      const { seed: _, ...arrays } = host.arrays;
      const given: Record<string, DeviceArray> = {};
      for (const [name, data] of Object.entries(arrays))
        given[name] = await o.device.array(data, name === "weights" ? "f32" : "i32", [rows, length]);
      const out = await program.with({ onNative }, p, given);
      totals[i] = await out.item();
      out.dispose();
      for (const a of Object.values(given)) a.dispose();
    }
    const all = o.ranks ? await gatherNumbers(o.ranks, totals) : [totals];
    // in the order of batches, whoever took them: the sum does not depend on the number of ranks
    return totals.reduce((sum, _, i) => sum + all[i % size]![i]!, 0) / weight;
  }
  return { of, dispose: () => program.dispose() };
}

/** What a recipe's trainer is made of. */
export function trainerOptions(
  o: Pick<PretrainOptions, "device" | "model" | "recipe" | "profile" | "ranks">,
): TrainerOptions<DecoderSpec, DecoderBatch> {
  const { rows, length } = o.recipe;
  const share = shareOf(o.ranks);
  const shape = [share ? rowsOfShare(rows, share) : rows, length];
  const specs = trainedSpec(o.model, o.recipe);
  const plan = batchPlan(o.recipe);
  const isConstant = o.recipe.batch === undefined && o.recipe.noiseScale === undefined;
  return {
    device: o.device,
    specs,
    loss: decoderLoss(o.model, { ...o.recipe, part: share?.part }),
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
    parallel: o.ranks && { group: o.ranks, zero: o.recipe.zero },
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
  const share = shareOf(ranks);
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

/** What the progress of a step says. */
function describeStep(plan: BatchPlan, report: StepReport, { steps, last, msPerStep, precision }: LoopPlace) {
  const { step, loss, gradientNorm, learningRate } = report;
  const heldOut = last === undefined ? {} : { heldOut: last.loss };
  const tokensPerSecond = plan.tokensBefore(step) / step / (msPerStep / 1000);
  return {
    stage: "train",
    message: `${Math.round(tokensPerSecond).toLocaleString("en-US")} tok/s${precision === "bf16" ? " in bf16" : ""}  loss ${loss.toFixed(3)}${last === undefined ? "" : `  held-out ${last.loss.toFixed(3)}`}`,
    values: { step, steps, loss, gradientNorm, learningRate, tokensPerSecond, ...heldOut },
  };
}

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: train/*; on abort the state is saved first. */
export async function pretrain(o: PretrainOptions): Promise<PretrainResult> {
  const { recipe } = o;
  const plan = batchPlan(recipe);
  const heldOut = heldOutLoss(o);
  try {
    const result = await runLoop({
      trainer: trainerOptions(o),
      source: (state, step) => trainSource(o, state, step),
      tokensOf: batch => batch.tokens ?? batch.arrays.tokens!.length,
      evaluate: async (parameters, onNative) => ({ loss: await (o.validate?.(parameters) ?? heldOut.of(parameters, onNative)) }),
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
    const { parameters, points, steps, history, best, noiseScale, ranks, precision, precisionTimes, resumedFrom, nativeMs, totalMs } =
      result;
    return {
      parameters: await withoutTraining(o.device, o.model, parameters),
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
