import { coordinatesOf, type RunOptions, type Tensor } from "../../tensor/index.ts";
import type { HostBatch } from "../batch.ts";
import { arrayBytes } from "../memory-budget.ts";
import type { StepGradients, StepWeight } from "../step-gradients.ts";
import type { TrainerOptions } from "../trainer.ts";
import { updateProgram } from "../trainer-programs.ts";
import { gradientNorm } from "./group-answers.ts";
import type { SplitLoss } from "./model-split.ts";
import type { PartArrays } from "./split-values.ts";
import { openStageRunner } from "./stage-runner.ts";
import type { StepSums } from "./step-ranks.ts";

/** Every rank calls it. `auto` precision is float32: a step through stages is not timed in advance. */
export async function openStageGradients<S, B extends Record<string, Tensor>>(o: TrainerOptions<S, B>): Promise<StepGradients> {
  const { device } = o;
  const { group, split } = o.parallel!;
  const precision = o.precision === "auto" || o.precision === undefined ? "f32" : o.precision;
  let onNative: RunOptions["onNative"];
  const runner = await openStageRunner({
    device,
    split: split!,
    group,
    // a trainer's loss is of the specifications that the split is of
    loss: o.loss as SplitLoss,
    batch: o.batch,
    precision,
    onNative: ms => onNative?.(ms),
  });
  const norm = gradientNorm(device, group);
  const update = updateProgram(o);
  const { tensor, sequence } = coordinatesOf(split!.mesh, group.rank);
  let gradients: Readonly<PartArrays> = {};
  /** Parameters whose gradient was no number before it went to its owner. */
  let spoilt: readonly string[] = [];

  async function sums(
    parameters: unknown,
    batches: readonly HostBatch[],
    { weight, scale }: StepWeight,
    run: RunOptions,
  ): Promise<StepSums> {
    ({ onNative } = run);
    for (const a of Object.values(gradients)) a.dispose();
    gradients = {};
    const made = await runner.run(parameters as PartArrays, batches, scale / weight);
    ({ gradients } = made);
    spoilt = made.notFinite;
    // owners of gathered gradients have whole sums, whose norm the ranks find together
    const squared = !split!.isGathered ? await norm.own(gradients, run) : spoilt.length ? Number.NaN : 0;
    // ranks that share rows and stage come to the same loss
    const isTold = tensor === 0 && sequence === 0;
    return { loss: isTold ? made.losses.reduce((a, b) => a + b, 0) : 0, squared, own: [], measures: {} };
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
    peakBytes: () => undefined,
    kept: () => undefined,
    endProfiles: () => [],
    dispose() {
      for (const a of Object.values(gradients)) a.dispose();
      for (const c of [runner, norm, update]) c.dispose();
    },
  };
}
