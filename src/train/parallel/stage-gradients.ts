import { bytesOf, coordinatesOf, type ExecutionOptions, localShape, type Tensor, type TensorSpec } from "../../tensor/index.ts";
import type { HostBatch } from "../batch.ts";
import { activationBytes, arrayBytes, type HeldBytes, withinMemory } from "../memory-budget.ts";
import { optimizerStateShapes } from "../optimizer.ts";
import type { ComputedPrecision } from "../part.ts";
import { microBatchesAt } from "../step-checks.ts";
import type { StepGradients, StepWeight } from "../step-gradients.ts";
import type { TrainerOptions } from "../trainer.ts";
import { updateProgram } from "../trainer-programs.ts";
import { gradientNorm } from "./group-answers.ts";
import { type BatchSpecs, holdsPart, type ModelSplit, type SplitLoss } from "./model-split.ts";
import { onEveryRank } from "./on-every-rank.ts";
import type { PartArrays } from "./split-values.ts";
import { openStageRunner } from "./stage-runner.ts";
import type { StepRanks, StepSums } from "./step-ranks.ts";

/** Most micro-batches of a step. */
function mostMicroBatches(o: { readonly accumulate?: number | ((step: number) => number); readonly steps: number }): number {
  if (typeof o.accumulate !== "function") return microBatchesAt(o, 0);
  let most = 1;
  for (let step = 0; step < o.steps; step++) most = Math.max(most, o.accumulate(step));
  return most;
}

/** Bytes of arrays of these shapes. */
const bytesOfAll = (arrays: readonly TensorSpec[]): number => arrays.reduce((sum, { shape, dtype }) => sum + bytesOf(shape, dtype), 0);

/** Bytes of what a rank holds within a step beside activations: gradients are there once as sums and once as a micro-batch's. */
function heldInStep(
  o: Pick<TrainerOptions<unknown, never>, "optimizer" | "specs">,
  { batch, split, rank, holdsState, microBatches }: HeldOf,
): HeldBytes {
  const parts = split.parameters
    .filter(p => split.isGathered || holdsPart(split, p, rank))
    .map(p => ({ ...p, shape: localShape(p.layout, split.inner), dtype: p.spec.dtype }));
  const owned = split.parameters.filter(p => p.owner === rank).map(p => p.spec);
  // what is gathered: of the stage that computes and of the one ahead
  const stage = Math.max(0, ...Array.from({ length: split.stageCount }, (_, n) => bytesOfAll(parts.filter(p => p.stages.includes(n)))));
  const states = Object.entries(optimizerStateShapes(o.optimizer, o.specs)).filter(([path]) => holdsState(path));
  return {
    parameters: bytesOfAll(owned) + (split.isGathered ? 2 * stage : bytesOfAll(parts)),
    gradients: split.isGathered ? bytesOfAll(owned) + stage : 2 * bytesOfAll(parts),
    optimizer: bytesOfAll(states.flatMap(([, members]) => Object.values(members))),
    frozen: 0,
    batches: microBatches * bytesOfAll(Object.values(batch)),
  };
}
interface HeldOf {
  readonly batch: BatchSpecs;
  readonly split: ModelSplit;
  readonly rank: number;
  readonly holdsState: (path: string) => boolean;
  readonly microBatches: number;
}

/** A rank's stages, within the memory that is asked for; where they do not fit on one rank, all fail. */
async function openStages<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B>,
  { holdsState }: Pick<StepRanks, "holdsState">,
  given: { readonly precision: ComputedPrecision; readonly onNative: (ms: number) => void },
) {
  const { group, split } = o.parallel!;
  const { device, batch, memoryBytes, measureNoise } = o;
  // a trainer's loss is of the specifications that the split is of
  const microBatches = mostMicroBatches(o);
  const options = { device, split: split!, group, loss: o.loss as SplitLoss, batch, microBatches, measureNoise, ...given };
  if (memoryBytes === undefined) return openStageRunner(options);
  const held = heldInStep(o, { batch, split: split!, rank: group.rank, holdsState, microBatches });
  const { made: budgetBytes } = await onEveryRank(
    group,
    () => activationBytes(memoryBytes, held),
    () => [],
    0,
  );
  const runner = await openStageRunner({ ...options, budgetBytes });
  try {
    await onEveryRank(
      group,
      () => withinMemory(memoryBytes, held, async () => runner.prepare()),
      () => [],
      0,
    );
  } catch (error) {
    runner.dispose();
    throw error;
  }
  return runner;
}

/** Every rank calls it. `auto` precision is float32: a step through stages is not timed in advance. */
export async function openStageGradients<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B>,
  ranks: StepRanks,
): Promise<StepGradients> {
  const { device } = o;
  const { group, split } = o.parallel!;
  const precision = o.precision === "auto" || o.precision === undefined ? "f32" : o.precision;
  let onNative: ExecutionOptions["onNative"];
  const runner = await openStages(o, ranks, { precision, onNative: ms => onNative?.(ms) });
  const norm = gradientNorm(device, group);
  const update = updateProgram(o);
  const { tensor, sequence } = coordinatesOf(split!.mesh, group.rank);
  let gradients: Readonly<PartArrays> = {};
  /** Parameters whose gradient was no number before it went to its owner. */
  let spoilt: readonly string[] = [];
  let waitingBytes = 0;

  async function sums(
    parameters: unknown,
    batches: readonly HostBatch[],
    { weight, scale }: StepWeight,
    run: ExecutionOptions,
  ): Promise<StepSums> {
    ({ onNative } = run);
    for (const a of Object.values(gradients)) a.dispose();
    gradients = {};
    const made = await runner.run(parameters as PartArrays, batches, scale / weight);
    ({ gradients } = made);
    spoilt = made.notFinite;
    waitingBytes = Math.max(waitingBytes, made.waitingBytes);
    // owners of gathered gradients have whole sums, whose norm the ranks find together
    const squared = !split!.isGathered ? await norm.own(gradients, run) : spoilt.length ? Number.NaN : 0;
    // ranks that share rows and stage come to the same loss
    const isTold = tensor === 0 && sequence === 0;
    return {
      loss: isTold ? made.losses.reduce((a, b) => a + b, 0) : 0,
      squared,
      own: made.own.map((x, i) => x * (weight / batches[i]!.weight) ** 2),
      measures: {},
    };
  }

  return {
    sums,
    get tree() {
      return gradients;
    },
    get notFinite() {
      return spoilt;
    },
    update,
    precision,
    precisionTimes: undefined,
    get heldBytes() {
      return arrayBytes(Object.values(gradients).filter(a => a.isAlive));
    },
    peakBytes: () => waitingBytes,
    kept: () => runner.kept(),
    endProfiles: () => [],
    dispose() {
      for (const a of Object.values(gradients)) a.dispose();
      for (const c of [runner, norm, update]) c.dispose();
    },
  };
}
