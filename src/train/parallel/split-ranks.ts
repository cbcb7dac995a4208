/**
 * Steps of ranks that part the model. Each has gradients of its parts; those of a part are added up in rank order over the ranks that have it, and come
 * together on the parameter's owner, who updates the whole of it and gives the parts back. So the optimiser's state is divided over all ranks
 * (ZeRO-1 and 2, Rajbhandari et al. 2020, by whole parameters), and what it computes does not depend on the mesh.
 */
import type { ProcessGroup } from "../../ranks/index.ts";
import { coordinatesOf, type Device } from "../../tensor/index.ts";
import { arrayBytes } from "../memory-budget.ts";
import { notFinitePaths } from "../step-checks.ts";
import { addUp, agreedByFirst, blameFor, gradientNorm } from "./group-answers.ts";
import { type JoinedArrays, joinedArrays } from "./joined-arrays.ts";
import { type ModelSplit, partHolder, partHolders, partSummands, type SplitParameter } from "./model-split.ts";
import { onEveryRank } from "./on-every-rank.ts";
import { gatherNumbers } from "./rank-arrays.ts";
import { ownedArrays, type PartArrays, partBesideOwner, wholeOnOwner } from "./split-values.ts";
import type { StepRanks, StepSums, Updated } from "./step-ranks.ts";

interface SplitRanksOptions {
  readonly device: Device;
  readonly group: ProcessGroup;
  readonly split: ModelSplit;
}

async function zerosLike(device: Device, like: PartArrays): Promise<PartArrays> {
  const made: PartArrays = {};
  for (const [path, a] of Object.entries(like)) made[path] = await device.zeros(a.shape, a.dtype);
  return made;
}

const dispose = (arrays: PartArrays): void => {
  for (const a of Object.values(arrays)) a.dispose();
};
const numbersUpTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Arrays that some ranks share, of which this is one. */
interface SharedArrays {
  readonly joined: JoinedArrays;
  readonly parameters: readonly { readonly path: string; readonly owner: number }[];
}
type RanksOfPart = (split: ModelSplit, p: SplitParameter, part: number) => readonly number[];

/** By the ranks that share parts, in the order of the parameters, so that all ranks meet in one order; `owner` is the rank beside the parameter's. */
async function openShared(split: ModelSplit, group: ProcessGroup, ranksOf: RanksOfPart): Promise<SharedArrays[]> {
  const made = new Map<string, { readonly members: readonly number[]; readonly parameters: { path: string; owner: number }[] }>();
  for (const p of split.parameters)
    for (const part of numbersUpTo(p.parts)) {
      const members = ranksOf(split, p, part);
      if (members.length === 1 || !members.includes(group.rank)) continue;
      const key = members.join();
      const own = made.get(key) ?? { members, parameters: [] };
      made.set(key, own);
      own.parameters.push({ path: p.path, owner: members.indexOf(partHolder(split, p, part)) });
    }
  const shared: SharedArrays[] = [];
  for (const { members, parameters } of made.values()) shared.push({ joined: joinedArrays(await group.subgroup(members)), parameters });
  return shared;
}

/** How parts become whole arrays on their owners, and the other way. */
async function openExchange({ device, group, split }: SplitRanksOptions) {
  const summands = await openShared(split, group, partSummands);
  const holders = await openShared(split, group, partHolders);

  /** Adds up the parts' gradients, and brings them together on their owners. */
  async function gather(parts: PartArrays): Promise<PartArrays> {
    const made: PartArrays = {};
    for (const { joined, parameters } of summands)
      await joined.sumAtOwners(parameters.map(({ path, owner }) => ({ array: parts[path]!, owner })));
    for (const p of split.parameters) {
      const own = parts[p.path];
      const whole = await wholeOnOwner(split, group, p, own);
      own?.dispose();
      if (whole) made[p.path] = await device.array(whole, p.spec.dtype, p.spec.shape);
    }
    return made;
  }

  /** The owners' whole arrays in all ranks' parts. */
  async function spread(owned: PartArrays, parts: PartArrays): Promise<void> {
    for (const p of split.parameters) {
      const whole = await owned[p.path]?.read();
      for (const part of numbersUpTo(p.parts)) {
        const cut = await partBesideOwner(split, group, p, whole, part);
        if (cut) await parts[p.path]!.write(cut);
      }
    }
    for (const { joined, parameters } of holders)
      await joined.spread(parameters.map(({ path, owner }) => ({ array: parts[path]!, owner })));
  }

  return { gather, spread };
}

/** Squared norms of micro-batches' gradients, of all ranks that share rows; in the order of the weights. */
async function ownNorms(split: ModelSplit, group: ProcessGroup, own: readonly number[]): Promise<number[]> {
  const told = await gatherNumbers(group, own);
  const dataOf = (rank: number) => coordinatesOf(split.mesh, rank).data;
  return numbersUpTo(split.mesh.sizes.data).flatMap(data =>
    own.map((_, i) => addUp(told.filter((_, rank) => dataOf(rank) === data).map(row => row[i]!))),
  );
}

export async function splitRanks({ device, group, split }: SplitRanksOptions): Promise<StepRanks> {
  const norm = gradientNorm(device, group);
  const exchange = await openExchange({ device, group, split });
  const last = split.mesh.sizes.pipeline - 1;
  /** One of the ranks that have the same rows and the loss. */
  const tellsLoss = (rank: number): boolean => {
    const { tensor, sequence, pipeline } = coordinatesOf(split.mesh, rank);
    return tensor === 0 && sequence === 0 && pipeline === last;
  };
  /** Whole parameters that this rank owns, and their gradients of the step. */
  let [owned, gradients]: [PartArrays, PartArrays] = [{}, {}];
  let told: readonly (readonly number[])[] = [];

  async function total(own: () => Promise<StepSums>, parts: () => unknown): Promise<StepSums> {
    dispose(gradients);
    gradients = {};
    // where it throws the rank ends at once: the others are within collectives of the same step, and learn of it as of a lost rank
    const made = await own();
    const numbers = await gatherNumbers(group, [made.loss, made.squared]);
    told = numbers;
    const isSound = numbers.flat().every(Number.isFinite);
    // parts by path, which the trainer's types cannot say
    if (isSound) gradients = await exchange.gather(parts() as PartArrays);
    return {
      loss: addUp(numbers.flatMap(([loss], rank) => (tellsLoss(rank) ? [loss!] : []))),
      squared: isSound ? await norm.all(gradients) : Number.NaN,
      own: made.own.length ? await ownNorms(split, group, made.own) : [],
      measures: {},
    };
  }

  async function update(given: Updated, _: unknown, apply: (given: Updated, gradients: unknown) => Promise<Updated>): Promise<Updated> {
    const before = { parameters: owned, optimizer: given.optimizer };
    // a rank may own nothing: there may be more ranks than parameters
    const next = Object.keys(owned).length ? await apply(before, gradients) : before;
    owned = next.parameters as PartArrays;
    dispose(gradients);
    gradients = {};
    const parts = given.parameters as PartArrays;
    await exchange.spread(owned, parts);
    return { parameters: parts, optimizer: next.optimizer };
  }

  return {
    holdsState: path => split.parameters.find(p => p.path === path)!.owner === group.rank,
    agreed: own => agreedByFirst(group, own),
    async start(parameters) {
      dispose(owned);
      owned = await ownedArrays(split, group, device, parameters as PartArrays);
      await exchange.spread(owned, parameters as PartArrays);
    },
    async weigh(own, count) {
      const { numbers } = await onEveryRank(group, own, weights => weights, count);
      return numbers.filter((_, rank) => tellsLoss(rank)).flat();
    },
    total,
    async blame(batches, own) {
      // sums that came together may be no numbers where their parts are
      const spoilt = [...own, ...(await notFinitePaths(gradients))];
      return blameFor(group, { batches, numbers: told, own: spoilt, paths: split.parameters.map(p => p.path) });
    },
    update,
    async evaluated({ parameters, optimizer }, apply) {
      const made = Object.keys(owned).length ? ((await apply({ parameters: owned, optimizer })) as PartArrays) : {};
      const parts = await zerosLike(device, parameters as PartArrays);
      await exchange.spread(made, parts);
      dispose(made);
      return parts;
    },
    get heldBytes() {
      return arrayBytes(owned);
    },
    dispose() {
      for (const arrays of [owned, gradients]) dispose(arrays);
      norm.dispose();
    },
  };
}
