/**
 * The training loop over any loss: gradients of micro-batches add up (token-weighted), the norm is looked at before anything is applied, the
 * optimiser updates parameters and state in place. Two native programs a step; batches are packed while one runs. The loop owns no policy:
 * batches, schedule, optimiser and logs are given, and all state it keeps is plain data that a checkpoint holds.
 */
import { defined, type Tree, treeLeaves } from "../base/index.ts";
import { charged } from "../ledger/index.ts";
import { type ArraysOf, disposeTree, initialise, type TensorsOf } from "../nn/index.ts";
import type { Device, DeviceArray, KeptReport, Tensor } from "../tensor/index.ts";
import type { AdversarialGradients } from "./adversary/adversarial-gradients.ts";
import type { BatchArraySpec, HostBatch } from "./batch.ts";
import { trainErrors } from "./errors.ts";
import {
  afterGoodStep,
  afterSkippedStep,
  canLowerScale,
  checkHalfPrecision,
  defaultLossScaling,
  firstLossScale,
  type LossScale,
  type LossScaling,
  unscaledSums,
} from "./loss-scale.ts";
import { arrayBytes } from "./memory-budget.ts";
import { openMicroBatchGradients } from "./micro-batch-gradients.ts";
import { type NoiseEstimate, noiseOfParts } from "./noise-scale.ts";
import { type Optimizer, optimizerStateShapes, stepScalars } from "./optimizer.ts";
import type { ParallelOptions } from "./parallel/parallel-options.ts";
import { stepRanksOf } from "./parallel/parallel-options.ts";
import { startParts } from "./parallel/split-values.ts";
import { openStageGradients } from "./parallel/stage-gradients.ts";
import type { OptimizerState, StepRanks } from "./parallel/step-ranks.ts";
import type { ComputedPrecision, Precision } from "./part.ts";
import type { PrecisionTimes } from "./precision.ts";
import { noiseOf, type PrivateGradients } from "./private/private-gradients.ts";
import { type Schedule, scheduleAt } from "./schedule.ts";
import { checkedWeights, diverged, isSound, isSpike, microBatchesAt, notFinitePaths, wrongBatches } from "./step-checks.ts";
import type { StepGradients } from "./step-gradients.ts";

/** A loss and what is measured beside it on the same pass: sums over a micro-batch, which are not scaled and have no gradient. */
export interface MeasuredLoss {
  readonly loss: Tensor;
  readonly measures: Readonly<Record<string, Tensor>>;
  /** Loss of an adversary, scaled as the loss is; needed where `adversarial` is given. */
  readonly adversary?: Tensor;
}

export interface TrainerOptions<S, B extends Record<string, Tensor>> {
  readonly device: Device;
  readonly specs: S;
  /** Sum of weighted losses times `scale` of one micro-batch; scale is 1 / weight of the whole step. `frozen` is what is given as such. */
  readonly loss: (parameters: TensorsOf<S>, batch: B, scale: Tensor, frozen: never) => Tensor | MeasuredLoss;
  /** Shapes and dtypes of a micro-batch's arrays. */
  readonly batch: { readonly [K in keyof B]: BatchArraySpec };
  readonly optimizer: Optimizer;
  /**
   * Mixed precision. "bf16": operands of large matrix products are rounded to bf16, and so are large activations that wait for the backward pass,
   * where the processor has 512-bit vectors; sums, weights, gradients and the optimiser's state stay float32. "auto": bf16 where a step is timed
   * faster so on this machine. "f16": as bf16, with dynamic scaling of the loss, on devices with the capability `halves` alone. "f32" where absent.
   */
  readonly precision?: Precision | undefined;
  /** With f16: what the loss's scale begins with, and when it doubles. */
  readonly lossScaling?: LossScaling;
  /**
   * Most memory for parameters, gradients, optimiser state, batches and activations together, in bytes. Activations that do not fit are computed
   * again in the backward pass; in float32 that changes no bit. Throws `train/memory` where it cannot hold.
   */
  readonly memoryBytes?: number | undefined;
  /** Peak learning rate. */
  readonly rate: number;
  readonly steps: number;
  /** Warm-up, then flat, then down to 0 over the second half, when nothing is said. */
  readonly schedule?: Schedule;
  /** Global norm above which gradients are scaled down (default 1); 0 for never. */
  readonly clip?: number;
  /** Micro-batches a step (default 1), or of a step that counts from 0. */
  readonly accumulate?: number | ((step: number) => number);
  /** Multiple of the scheduled rate at a step that counts from 0. */
  readonly rateFactorAt?: ((step: number) => number) | undefined;
  /** Estimates the gradient's noise at steps of two micro-batches and more. */
  readonly measureNoise?: boolean | undefined;
  /** What the parameters are drawn from (default 1). */
  readonly seed?: number | string;
  /** What they start with instead; the trainer takes the arrays over. */
  readonly start?: ArraysOf<S>;
  /** A tree of arrays that the loss reads and nothing changes: no gradient, no state. They stay the caller's. */
  readonly frozen?: unknown;
  /** Nats by which the loss may lie above its running level; longer than `spikeSteps` stops the run. 0 (the default) for no limit. */
  readonly spike?: number;
  /** Steps in a row above the limit that stop the run: one hard batch is no divergence (default 5). */
  readonly spikeSteps?: number;
  /** Prefix of files with times by operator, written by `endProfiles`. */
  readonly profile?: string;
  /** Differentially private: each person's gradient is clipped, and noise is added once a step. `clip` and the loss's scale do not apply then. */
  readonly privacy?: PrivateGradients | undefined;
  /** The loss's gradient is projected off that of an adversary, whose loss stands beside it. */
  readonly adversarial?: AdversarialGradients | undefined;
  /** Lets `peakBytes` tell what the gradient's activations took. */
  readonly measureMemory?: boolean;
  /**
   * Arrays of a micro-batch that come of the parameters that it is computed with: what a loss over a whole batch reads of other ranks' rows. All ranks call it
   * together, before the gradients.
   */
  readonly completeBatch?: ((parameters: ArraysOf<S>, batch: HostBatch) => Promise<HostBatch>) | undefined;
  /** Ranks that train together: batches are this rank's share, gradients and reports are sums over all. Absent: one rank. */
  readonly parallel?: ParallelOptions | undefined;
}

export interface StepReport {
  readonly step: number;
  /** Mean loss over the step's weight, nats. */
  readonly loss: number;
  /** What the loss measures beside itself, means over the step's weight; empty where it measures nothing. */
  readonly measures: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** With `measureNoise`, at steps of two micro-batches and more. */
  readonly noise?: NoiseEstimate;
  /** With f16: the factor of the loss, and how many steps were skipped so far. */
  readonly lossScale?: number;
  readonly skippedSteps?: number;
  /** With f16: the gradient was no number, so nothing was applied. */
  readonly isSkipped?: true;
  /** Milliseconds inside native programs, inside those of the update alone, and of the whole step. */
  readonly nativeMs: number;
  readonly updateMs: number;
  readonly totalMs: number;
}

/** Everything that a step changes; arrays are owned by the trainer. */
export interface TrainerState<S> {
  readonly parameters: ArraysOf<S>;
  /** By path of a parameter; among ranks with ZeRO those that this rank owns. */
  readonly optimizer: OptimizerState;
  readonly step: number;
  /** Running level of the loss (exponential mean over steps that were no spikes). */
  readonly level: number | null;
  /** Steps in a row above the limit. */
  readonly spikes: number;
  /** With f16. */
  readonly lossScale?: LossScale | undefined;
}

export interface Trainer<S> {
  readonly state: TrainerState<S>;
  /** One step over `accumulate` micro-batches. Throws `train/diverged` before anything is applied. */
  step(batches: readonly HostBatch[], signal?: AbortSignal): Promise<StepReport>;
  /** Values that its optimiser evaluates in place of the parameters, made by the ranks that hold its state. Every rank calls it. */
  readonly evaluated: StepRanks["evaluated"];
  /** Ends profiling; the files (Chrome trace events). */
  endProfiles(): string[];
  /** Most memory that activations took, with `measureMemory`; of ranks that part the model what waited for backward passes, measured in any case. */
  peakBytes(): number | undefined;
  /** What the step computes in, and what was timed where it was chosen. */
  readonly precision: ComputedPrecision;
  readonly precisionTimes: PrecisionTimes | undefined;
  /** Bytes of its arrays: parameters, gradients, optimiser state, what is frozen, batches. */
  readonly heldBytes: number;
  /** How activations are kept, where some are narrowed or recomputed. */
  kept(): KeptReport | undefined;
  /** Ends it: the parameters are the caller's, everything else is given back. */
  finish(): ArraysOf<S>;
  dispose(): void;
}

const defaults = {
  schedule: { kind: "wsd", warmup: 10, floor: 0, decayShare: 0.5 },
  clip: 1,
  accumulate: 1,
  seed: 1,
  spike: 0,
  spikeSteps: 5,
  lossScaling: defaultLossScaling,
} as const satisfies Partial<TrainerOptions<unknown, Record<string, Tensor>>>;

/** Makes a trainer; without `from` the parameters are drawn from the seed. */
export async function createTrainer<S, B extends Record<string, Tensor>>(
  given: TrainerOptions<S, B>,
  from?: TrainerState<S>,
): Promise<Trainer<S>> {
  const o = { ...defaults, ...given };
  const accumulateAt = (step: number): number => microBatchesAt(o, step);
  if (!(o.steps >= 1) || !(o.rate > 0) || !(accumulateAt(0) >= 1) || o.clip < 0)
    throw trainErrors.fail("recipe", {
      place: "trainer",
      expected: "steps >= 1, rate > 0, accumulate >= 1, clip >= 0",
      received: JSON.stringify({ steps: o.steps, rate: o.rate, accumulate: accumulateAt(0), clip: o.clip }),
    });
  const { device } = o;
  checkHalfPrecision(o.precision, device, o.privacy);
  const ranks = await stepRanksOf(o);
  let state: TrainerState<S> = from ?? {
    parameters: await startValuesOf(o),
    optimizer: await zeroState(o, device, path => ranks.holdsState(path)),
    step: 0,
    level: null,
    spikes: 0,
    ...(o.precision === "f16" ? { lossScale: firstLossScale(o.lossScaling) } : {}),
  };
  const gradients = await openGradients(o, ranks, state).catch((error: unknown) => {
    disposeArrays([state.parameters, state.optimizer]);
    ranks.dispose();
    throw error;
  });

  async function step(batches: readonly HostBatch[], signal?: AbortSignal): Promise<StepReport> {
    const started = performance.now();
    const weights = await ranks.weigh(() => checkedWeights(o, state.step, batches), accumulateAt(state.step));
    const weight = weights.reduce((s, w) => s + w, 0);
    if (!(weight > 0 || o.privacy)) throw wrongBatches(o, state.step, batches, weight);
    let nativeMs = 0;
    const onNative = (ms: number) => {
      nativeMs += ms;
    };
    // one rank that stops in a step would leave the others in it
    const run = { onNative, ...(o.parallel ? {} : defined({ signal })) };
    const { lossScale } = state;
    const scale = lossScale?.scale ?? 1;
    const scaled = await ranks.total(
      () => gradients.sums(state.parameters, batches, { weight, scale }, run),
      () => gradients.tree,
    );
    const total = unscaledSums(scaled, scale);
    const { loss, measures } = total;
    const norm = Math.sqrt(total.squared);
    const learningRate = o.rate * scheduleAt(o.schedule, state.step, o.steps) * (o.rateFactorAt?.(state.step) ?? 1);
    // sums are of all ranks, so all of them skip
    if (lossScale && !Number.isFinite(loss + norm) && canLowerScale(lossScale)) {
      const next = afterSkippedStep(lossScale);
      state = { ...state, step: state.step + 1, lossScale: next };
      const told = { step: state.step, loss, measures, gradientNorm: norm, learningRate, lossScale: scale, skippedSteps: next.skipped };
      return { ...told, isSkipped: true, nativeMs, updateMs: 0, totalMs: performance.now() - started };
    }
    if (!isSound(o, state, loss, norm))
      throw diverged(o, state, { loss, norm }, await ranks.blame(batches, Number.isFinite(norm) ? [] : await notFiniteOf(gradients)));
    const scalars = {
      // a step that was skipped is none to the optimiser
      ...stepScalars(o.optimizer, { rate: learningRate, step: state.step + 1 - (lossScale?.skipped ?? 0) }),
      gradientScale: (o.privacy ? 1 / o.privacy.expected : o.clip > 0 && norm > o.clip ? o.clip / norm : 1) / scale,
    };
    const drawn = o.privacy ? await noiseOf(o.privacy, state.parameters, state.step, device) : {};
    // no signal: an update that has begun is finished, or the state would be half of two steps
    const beforeUpdateMs = nativeMs;
    const next = await charged("optimizer", () =>
      ranks.update(state, gradients.tree, (own, ownGradients) =>
        gradients.update.with({ onNative }, own.parameters, own.optimizer, ownGradients, scalars, drawn),
      ),
    );
    disposeArrays(drawn);
    const spiked = isSpike(o, state.level, loss);
    const level = state.level === null ? loss : spiked ? state.level : 0.9 * state.level + 0.1 * loss;
    // an update gives a tree like the one that it took
    const parameters = next.parameters as ArraysOf<S>;
    const nextScale = lossScale && afterGoodStep(lossScale, o.lossScaling);
    const spikes = spiked ? state.spikes + 1 : 0;
    state = { parameters, optimizer: next.optimizer, step: state.step + 1, level, spikes, ...defined({ lossScale: nextScale }) };
    const noise = o.measureNoise ? noiseOfParts(weights, total.own, total.squared) : undefined;
    const totalMs = performance.now() - started;
    const told = defined({ noise, lossScale: lossScale?.scale, skippedSteps: lossScale?.skipped });
    const updateMs = nativeMs - beforeUpdateMs;
    return { step: state.step, loss, measures, gradientNorm: norm, learningRate, ...told, nativeMs, updateMs, totalMs };
  }

  function finish(): ArraysOf<S> {
    disposeArrays(state.optimizer);
    for (const c of [gradients, ranks]) c.dispose();
    return state.parameters;
  }

  return {
    get state() {
      return state;
    },
    step,
    evaluated: ranks.evaluated,
    peakBytes: () => gradients.peakBytes(),
    precision: gradients.precision,
    precisionTimes: gradients.precisionTimes,
    get heldBytes() {
      return arrayBytes(state.parameters) + arrayBytes(state.optimizer) + ranks.heldBytes + gradients.heldBytes;
    },
    kept: () => gradients.kept(),
    endProfiles: () => gradients.endProfiles(),
    finish,
    dispose: () => disposeTree(finish()),
  };
}

const disposeArrays = (tree: unknown): void => {
  for (const a of treeLeaves<DeviceArray>(tree as Tree<DeviceArray>)) a.dispose();
};

/** Parameters whose gradient on this rank is no number. */
const notFiniteOf = async ({ notFinite = [], tree }: StepGradients): Promise<string[]> => [...notFinite, ...(await notFinitePaths(tree))];

/** What parameters start with: a rank's parts of them, where ranks part the model. */
async function startValuesOf<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B> & { readonly seed: number | string },
): Promise<ArraysOf<S>> {
  const { split, group } = o.parallel ?? {};
  if (!split) return o.start ?? initialise(o.specs, o.device, o.seed);
  const { seed, start } = o;
  // parts by path in place of the tree
  return (await startParts(split, group!.rank, o.device, { seed, start })) as ArraysOf<S>;
}

/** What computes a step's gradients on this rank. */
async function openGradients<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B>,
  ranks: StepRanks,
  state: TrainerState<S>,
): Promise<StepGradients> {
  await ranks.start(state.parameters);
  return o.parallel?.split ? openStageGradients(o, ranks) : openMicroBatchGradients(o, ranks, state);
}

async function zeroState<S>(
  o: { readonly optimizer: Optimizer; readonly specs: S },
  device: Device,
  isHeld: (path: string) => boolean,
): Promise<OptimizerState> {
  const shapes = optimizerStateShapes(o.optimizer, o.specs);
  const made: OptimizerState = {};
  for (const [path, members] of Object.entries(shapes)) {
    if (!isHeld(path)) continue;
    made[path] = {};
    for (const [name, spec] of Object.entries(members)) made[path]![name] = await device.zeros(spec.shape, spec.dtype);
  }
  return made;
}
