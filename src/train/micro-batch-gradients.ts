/**
 * Gradients of micro-batches one after another on one rank that has the whole model: two native programs, the first micro-batch's and that of each further one,
 * which adds to what there is in place.
 */
import { type Tree, treeFrom, treeLeaves } from "../base/index.ts";
import type { Device, DeviceArray, RunOptions, Tensor } from "../tensor/index.ts";
import { type HostBatch, writeBatch } from "./batch.ts";
import { activationBytes, arrayBytes, type HeldBytes, withinMemory } from "./memory-budget.ts";
import type { StepRanks, StepSums } from "./parallel/step-ranks.ts";
import type { ComputedPrecision } from "./part.ts";
import type { StepGradients, StepWeight } from "./step-gradients.ts";
import type { TrainerOptions, TrainerState } from "./trainer.ts";
import { precisePrograms } from "./trainer-programs.ts";

const disposeArrays = (tree: unknown): void => {
  for (const a of treeLeaves<DeviceArray>(tree as Tree<DeviceArray>)) a.dispose();
};

/** Builds the programs for a trainer's arrays. Errors: train/memory. */
export async function openMicroBatchGradients<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B>,
  ranks: StepRanks,
  state: Pick<TrainerState<S>, "parameters" | "optimizer">,
): Promise<StepGradients> {
  const { device } = o;
  const like = gradientTree(o, state.parameters);
  const leaves = treeLeaves<DeviceArray>(like);
  let gradients: unknown = treeFrom(like, await Promise.all(leaves.map(a => device.zeros(a.shape, a.dtype))));
  const frozen = o.frozen ?? {};
  /** Places for the micro-batches of a step, by the shapes that differ from the trainer's. */
  const places = new Map<string, Record<string, DeviceArray>[]>();
  async function placeOf(i: number, shapes: HostBatch["shapes"]): Promise<Record<string, DeviceArray>> {
    const key = JSON.stringify(shapes ?? {});
    const own = places.get(key) ?? [];
    places.set(key, own);
    own[i] ??= await batchPlace(o, device, shapes);
    return own[i];
  }
  if (typeof o.accumulate === "number") for (let i = 0; i < o.accumulate; i++) await placeOf(i, undefined);

  /** The gradients' memory; new where a run that was stopped has spoilt it. */
  async function gradientMemory(): Promise<unknown> {
    const arrays = treeLeaves<DeviceArray>(gradients as Tree<DeviceArray>);
    if (arrays.every(a => a.isAlive)) return gradients;
    for (const a of arrays) a.dispose();
    return treeFrom(like, await Promise.all(leaves.map(a => device.zeros(a.shape, a.dtype))));
  }

  const held: HeldBytes = {
    parameters: arrayBytes(state.parameters),
    gradients: arrayBytes(gradients),
    optimizer: arrayBytes(state.optimizer),
    frozen: arrayBytes(frozen),
    batches: arrayBytes([...places.values()]),
  };
  /** The programs, in the precision and within the memory that are asked for. */
  async function buildPrograms() {
    const budgetBytes = o.memoryBytes === undefined ? undefined : activationBytes(o.memoryBytes, held);
    const place = await placeOf(0, undefined);
    const built = await agreedPrograms(o, ranks, budgetBytes, async (program, onNative) => {
      const { gradients: next, ...rest } = await program.with({ onNative }, state.parameters, place, 1, await gradientMemory(), frozen);
      gradients = next;
      disposeArrays(rest);
    });
    if (o.memoryBytes !== undefined)
      await withinMemory(o.memoryBytes, held, async () =>
        built.programs.fresh.prepare(state.parameters, place, 1, await gradientMemory(), frozen),
      );
    return built;
  }
  const {
    programs: p,
    precision,
    times: precisionTimes,
  } = await buildPrograms().catch((error: unknown) => {
    disposeArrays([gradients, ...places.values()]);
    throw error;
  });

  /** Gradients of this rank's micro-batches, added up. */
  async function sums(
    parameters: unknown,
    batches: readonly HostBatch[],
    { weight, scale }: StepWeight,
    run: RunOptions,
  ): Promise<StepSums> {
    gradients = await gradientMemory();
    let [loss, squared] = [0, 0];
    const own: number[] = [];
    const measures: Record<string, number> = {};
    for (const [i, b] of batches.entries()) {
      const place = await placeOf(i, b.shapes);
      await writeBatch(place, b);
      const program = i === 0 ? p.fresh : p.accumulate;
      const made = await program.with(run, parameters, place, o.privacy ? 1 : scale / weight, gradients, frozen);
      gradients = made.gradients;
      loss += (await made.loss.item()) / (o.privacy ? Math.max(weight, 1) : 1);
      squared = await made.squared.item();
      if (o.measureNoise) own.push(((await made.own.squared?.item()) ?? squared) * (weight / b.weight) ** 2);
      for (const told of [made.loss, made.squared, ...Object.values(made.own)]) told.dispose();
      for (const [name, measured] of Object.entries(made.measures)) {
        measures[name] = (measures[name] ?? 0) + (await measured.item()) / weight;
        measured.dispose();
      }
    }
    return { loss, squared, own, measures };
  }

  return {
    sums,
    get tree() {
      return gradients;
    },
    update: p.update,
    precision,
    precisionTimes,
    get heldBytes() {
      const alive = treeLeaves<DeviceArray>(gradients as Tree<DeviceArray>).filter(a => a.isAlive);
      return arrayBytes(alive) + held.frozen + held.batches;
    },
    peakBytes: () => p.fresh.peakBytes(),
    kept: () => p.fresh.kept(),
    endProfiles: () => [p.fresh, p.accumulate, p.update].flatMap(c => c.endProfile() ?? []),
    dispose() {
      disposeArrays([gradients, ...places.values()]);
      for (const c of [p.fresh, p.accumulate, p.update]) c.dispose();
    },
  };
}

/** A tree like the gradients that add up over micro-batches: like the parameters, or one of each loss. */
const gradientTree = ({ adversarial }: { readonly adversarial?: unknown }, parameters: unknown): Tree<DeviceArray> =>
  (adversarial ? { task: parameters, adversary: parameters } : parameters) as Tree<DeviceArray>;

/** The programs; where their precision is chosen by timing, ranks have what the first one chose. */
async function agreedPrograms<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B>,
  ranks: StepRanks,
  budgetBytes: number | undefined,
  run: Parameters<typeof precisePrograms<S, B>>[2],
) {
  if (!o.parallel || o.precision !== "auto") return precisePrograms(o, budgetBytes, run);
  let built: Awaited<ReturnType<typeof precisePrograms<S, B>>> | undefined;
  const chosen = await ranks.agreed(async () => {
    built = await precisePrograms(o, budgetBytes, run);
    return built.precision;
  });
  return built ?? precisePrograms({ ...o, precision: chosen as ComputedPrecision }, budgetBytes, run);
}

async function batchPlace<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B>,
  device: Device,
  shapes: HostBatch["shapes"],
): Promise<Record<string, DeviceArray>> {
  const entries = await Promise.all(
    Object.entries(o.batch).map(async ([name, s]) => [name, await device.zeros(shapes?.[name] ?? s.shape, s.dtype)] as const),
  );
  return Object.fromEntries(entries);
}
