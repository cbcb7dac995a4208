/** Gradients of a rank that has a part of the model: its micro-batches go through the stages of all ranks of its rows. */
import { type Tree, treeLeaves } from "../../base/index.ts";
import { coordinatesOf, type DeviceArray, type RunOptions, type Tensor } from "../../tensor/index.ts";
import type { HostBatch } from "../batch.ts";
import { arrayBytes } from "../memory-budget.ts";
import { squaredNorm } from "../optimizer.ts";
import type { StepGradients, StepWeight } from "../step-gradients.ts";
import type { TrainerOptions } from "../trainer.ts";
import { updateProgram } from "../trainer-programs.ts";
import { treeProgram } from "../tree-program.ts";
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
  const norm = treeProgram<DeviceArray>((gradients: Tree<Tensor>) => squaredNorm(treeLeaves<Tensor>(gradients)), {
    device,
    fuse: true,
    name: "norm",
  });
  const update = updateProgram(o);
  const { tensor, sequence } = coordinatesOf(split!.mesh, group.rank);
  let gradients: Readonly<PartArrays> = {};

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
    // ranks that share rows and stage come to the same loss
    const isTold = tensor === 0 && sequence === 0;
    return { loss: isTold ? made.losses.reduce((a, b) => a + b, 0) : 0, squared: await squaredOf(run), own: [], measures: {} };
  }

  async function squaredOf(run: RunOptions): Promise<number> {
    // owners have whole sums, whose norm the ranks find together
    if (split!.isGathered) return 0;
    const made = await norm.with(run, gradients);
    try {
      return await made.item();
    } finally {
      made.dispose();
    }
  }

  return {
    sums,
    get tree() {
      return gradients;
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
