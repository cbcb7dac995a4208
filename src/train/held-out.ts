/** Held-out loss of a decoder in training: on one device, or through the stages of ranks that part the model. */
import { type ArraysOf, type DecoderSpec, negativeLogLikelihood, type TensorsOf } from "../nn/index.ts";
import { type DeviceArray, mul, rankAt, sum, type Tensor } from "../tensor/index.ts";
import type { HostBatch } from "./batch.ts";
import { batchSpecs, hostBatch, meshOfRun } from "./decoder-batches.ts";
import { type DecoderBatch, nextTokenLogits } from "./decoder-training.ts";
import { packer } from "./packing.ts";
import { rowShare } from "./parallel/mesh.ts";
import type { ModelSplit } from "./parallel/model-split.ts";
import type { ParallelOptions } from "./parallel/parallel-options.ts";
import { gatherNumbers } from "./parallel/rank-arrays.ts";
import type { PartArrays } from "./parallel/split-values.ts";
import { openStageRunner } from "./parallel/stage-runner.ts";
import type { PretrainOptions } from "./pretrain.ts";
import { treeProgram } from "./tree-program.ts";

type HeldOutOptions = Pick<PretrainOptions, "device" | "model" | "recipe" | "heldOut" | "end" | "ranks">;

/** Of batches without what is drawn at random. */
type EvaluationBatch = Omit<DecoderBatch, "seed">;

/** Sum over a batch of what each weighted token costs, in nats. */
const summedLoss =
  ({ model, recipe }: Pick<PretrainOptions, "model" | "recipe">) =>
  (p: TensorsOf<DecoderSpec>, b: EvaluationBatch): Tensor => {
    const { segments, positions } = b;
    const logits = nextTokenLogits(model, p, b.tokens, { segments, positions, attentionBlock: recipe.attentionBlock });
    return sum(mul(negativeLogLikelihood(logits, b.targets), b.weights));
  };

/** What computes the loss of batches: the device, or the stages of all ranks that part the model. */
interface BatchLosses {
  of(p: unknown, batch: HostBatch, onNative: (ms: number) => void): Promise<number>;
  dispose(): void;
}

function deviceLosses(o: Pick<PretrainOptions, "device" | "model" | "recipe">): BatchLosses {
  const { device, recipe } = o;
  const program = treeProgram<DeviceArray>(summedLoss(o), { device, name: "held-out" });
  return {
    async of(p, { arrays }, onNative) {
      const given: Record<string, DeviceArray> = {};
      for (const [name, data] of Object.entries(arrays))
        given[name] = await device.array(data, name === "weights" ? "f32" : "i32", [recipe.rows, recipe.length]);
      const out = await program.with({ onNative }, p, given);
      const loss = await out.item();
      out.dispose();
      for (const a of Object.values(given)) a.dispose();
      return loss;
    },
    dispose: () => program.dispose(),
  };
}

/** The loss is known to ranks of the last stage, and 0 on others. */
async function stageLosses(
  o: HeldOutOptions,
  { group, split }: Required<Pick<ParallelOptions, "group">> & { readonly split: ModelSplit },
): Promise<BatchLosses> {
  const { rows, length } = o.recipe;
  const { seed: _, ...batch } = batchSpecs(o.model, [rows, length]);
  let hears: (ms: number) => void = () => {};
  const runner = await openStageRunner({
    device: o.device,
    split,
    group,
    loss: (p, b) => summedLoss(o)(p, b),
    batch,
    isForward: true,
    onNative: ms => hears(ms),
  });
  return {
    async of(p, given, onNative) {
      hears = onNative;
      // parts by path, which a tree's type cannot say
      const { losses } = await runner.run(p as PartArrays, [given], 1);
      return losses[0] ?? 0;
    },
    dispose: () => runner.dispose(),
  };
}

/** Mean nats per token over the first `batches` packed batches of the held-out side, which ranks take in turns. */
export function heldOutLoss(
  o: HeldOutOptions,
  parallel?: ParallelOptions,
): {
  of(p: ArraysOf<DecoderSpec>, onNative: (ms: number) => void): Promise<number>;
  dispose(): void;
} {
  const { rows, length, evaluateBatches } = o.recipe;
  let losses: BatchLosses | undefined;

  function batches(): HostBatch[] {
    const source = packer(o.heldOut, { rows, length, end: o.end, seed: "held-out" });
    const made: HostBatch[] = [];
    while (made.length < evaluateBatches) {
      const { arrays, ...host } = hostBatch(source.next(), 0, undefined);
      // one pass over the held-out side is enough
      if (made.length > 0 && source.state().epoch > 0) break;
      const { seed: _, ...own } = arrays;
      made.push({ ...host, arrays: own });
    }
    return made;
  }

  async function of(p: ArraysOf<DecoderSpec>, onNative: (ms: number) => void): Promise<number> {
    const all = batches();
    const { split, group } = parallel ?? {};
    losses ??= split ? await stageLosses(o, { group: group!, split }) : deviceLosses(o);
    const mesh = meshOfRun(o);
    const { part, of: parts } = rowShare(mesh, o.ranks?.rank ?? 0);
    const totals = all.map(() => 0);
    for (let i = part; i < all.length; i += parts) totals[i] = await losses.of(p, all[i]!, onNative);
    // ranks that gather parameters do so together: those without a last batch take part for the others
    if (split?.isGathered && all.length % parts && part >= all.length % parts) await losses.of(p, all[0]!, onNative);
    const gathered = o.ranks ? await gatherNumbers(o.ranks, totals) : [totals];
    const weight = all.reduce((sum, b) => sum + b.weight, 0);
    const first = rankAt(mesh, { pipeline: mesh.sizes.pipeline - 1, data: 0, expert: 0, sequence: 0, tensor: 0 });
    // in the order of batches, whoever took them: the sum does not depend on the number of ranks
    return totals.reduce((sum, _, i) => sum + gathered[first + (i % parts) * mesh.sizes.sequence * mesh.sizes.tensor]![i]!, 0) / weight;
  }
  return { of, dispose: () => losses?.dispose() };
}
