/**
 * Gradients of micro-batches one after another on one rank that has the whole model: two native programs, the first micro-batch's and that of each further one,
 * which adds to what there is in place.
 */
import { type Tree, treeFrom, treeLeaves } from "../base/index.ts";
import type { ArraysOf } from "../nn/index.ts";
import type { Device, DeviceArray, ExecutionOptions, Tensor } from "../tensor/index.ts";
import { type HostBatch, writeBatch } from "./batch.ts";
import { activationBytes, arrayBytes, type HeldBytes, withinMemory } from "./memory-budget.ts";
import type { StepRanks, StepSums } from "./parallel/step-ranks.ts";
import type { ComputedPrecision } from "./part.ts";
import type { StepGradients, StepWeight } from "./step-gradients.ts";
import type { TrainerOptions, TrainerState } from "./trainer.ts";
import { type GradientResult, precisePrograms } from "./trainer-programs.ts";

const disposeArrays = (tree: unknown): void => {
  for (const a of treeLeaves<DeviceArray>(tree as Tree<DeviceArray>)) a.dispose();
};

const zerosLike = async (like: Tree<DeviceArray>, device: Device): Promise<unknown> =>
  treeFrom(like, await Promise.all(treeLeaves<DeviceArray>(like).map(a => device.zeros(a.shape, a.dtype))));

/** Places for the micro-batches of a step, by the shapes that differ from the trainer's. */
function batchPlaces<S, B extends Record<string, Tensor>>(o: TrainerOptions<S, B>, device: Device) {
  const places = new Map<string, Record<string, DeviceArray>[]>();
  async function placeOf(i: number, shapes: HostBatch["shapes"]): Promise<Record<string, DeviceArray>> {
    const key = JSON.stringify(shapes ?? {});
    const own = places.get(key) ?? [];
    places.set(key, own);
    own[i] ??= await batchPlace(o, device, shapes);
    return own[i];
  }
  return { places, placeOf };
}

/** A micro-batch with what its loss reads of other ranks' rows. */
const completed = <S, B extends Record<string, Tensor>>({ completeBatch }: TrainerOptions<S, B>, parameters: unknown, batch: HostBatch) =>
  // the trainer's own tree
  completeBatch ? completeBatch(parameters as ArraysOf<S>, batch) : batch;

/** Sums that micro-batches are added to. */
interface GrowingSums {
  loss: number;
  squared: number;
  readonly own: number[];
  readonly measures: Record<string, number>;
}
const noSums = (): GrowingSums => ({ loss: 0, squared: 0, own: [], measures: {} });

/** Reads what a program has made of a micro-batch of weight `own`, and gives its arrays back; the gradients stay. */
async function addSums(
  found: GrowingSums,
  made: GradientResult,
  {
    weight,
    own,
    privacy,
    measureNoise,
  }: { weight: number; own: number } & Pick<TrainerOptions<unknown, never>, "privacy" | "measureNoise">,
): Promise<void> {
  found.loss += (await made.loss.item()) / (privacy ? Math.max(weight, 1) : 1);
  found.squared = await made.squared.item();
  if (measureNoise) found.own.push(((await made.own.squared?.item()) ?? found.squared) * (weight / own) ** 2);
  for (const told of [made.loss, made.squared, ...Object.values(made.own)]) told.dispose();
  for (const [name, measured] of Object.entries(made.measures)) {
    found.measures[name] = (found.measures[name] ?? 0) + (await measured.item()) / weight;
    measured.dispose();
  }
}

const heldBytesOf = (of: Readonly<Record<keyof HeldBytes, unknown>>): HeldBytes => ({
  parameters: arrayBytes(of.parameters),
  gradients: arrayBytes(of.gradients),
  optimizer: arrayBytes(of.optimizer),
  frozen: arrayBytes(of.frozen),
  batches: arrayBytes(of.batches),
});

/** Builds the programs for a trainer's arrays. Errors: train/memory. */
export async function openMicroBatchGradients<S, B extends Record<string, Tensor>>(
  o: TrainerOptions<S, B>,
  ranks: StepRanks,
  state: Pick<TrainerState<S>, "parameters" | "optimizer">,
): Promise<StepGradients> {
  const { device } = o;
  const like = gradientTree(o, state.parameters);
  let gradients: unknown = await zerosLike(like, device);
  const frozen = o.frozen ?? {};
  const { places, placeOf } = batchPlaces(o, device);
  if (typeof o.accumulate === "number") for (let i = 0; i < o.accumulate; i++) await placeOf(i, undefined);

  /** The gradients' memory; new where a run that was stopped has spoilt it. */
  async function gradientMemory(): Promise<unknown> {
    if (treeLeaves<DeviceArray>(gradients as Tree<DeviceArray>).every(a => a.isAlive)) return gradients;
    disposeArrays(gradients);
    return zerosLike(like, device);
  }

  const held = heldBytesOf({ ...state, gradients, frozen, batches: [...places.values()] });
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
  async function sums(parameters: unknown, batches: readonly HostBatch[], of: StepWeight, run: ExecutionOptions): Promise<StepSums> {
    gradients = await gradientMemory();
    const found = noSums();
    for (const [i, b] of batches.entries()) {
      const place = await placeOf(i, b.shapes);
      await writeBatch(place, await completed(o, parameters, b));
      const program = i === 0 ? p.fresh : p.accumulate;
      const made = await program.with(run, parameters, place, o.privacy ? 1 : of.scale / of.weight, gradients, frozen);
      gradients = made.gradients;
      await addSums(found, made, { ...o, weight: of.weight, own: b.weight });
    }
    return found;
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
