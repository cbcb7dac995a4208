/**
 * Steps of ranks that part the model. Each has gradients of its parts; those of a part are added up in rank order over the ranks that have it, and come
 * together on the parameter's owner, who updates the whole of it and gives the parts back. So the optimiser's state is divided over all ranks
 * (ZeRO-1 and 2, Rajbhandari et al. 2020, by whole parameters), and what it computes does not depend on the mesh.
 */
import { type Tree, treeLeaves } from "../../base/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { coordinatesOf, type Device, type DeviceArray, type Tensor } from "../../tensor/index.ts";
import { arrayBytes } from "../memory-budget.ts";
import { squaredNorm } from "../optimizer.ts";
import { treeProgram } from "../tree-program.ts";
import { type ModelSplit, partHolder, partHolders, partSummands, type SplitParameter } from "./model-split.ts";
import { onEveryRank } from "./on-every-rank.ts";
import { broadcastArray, gatherNumbers, sumArray } from "./rank-arrays.ts";
import { ownedArrays, type PartArrays, partBesideOwner, wholeOnOwner } from "./split-values.ts";
import { documentsIn, type StepRanks, type StepSums, type Updated } from "./step-ranks.ts";

interface SplitRanksOptions {
  readonly device: Device;
  readonly group: ProcessGroup;
  readonly split: ModelSplit;
}

const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);
const numbersUpTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** The groups of all lists of ranks that share a part, made in the order of the parameters on every rank. */
async function openGroups(split: ModelSplit, group: ProcessGroup): Promise<(members: readonly number[]) => ProcessGroup | undefined> {
  const made = new Map<string, ProcessGroup>();
  for (const p of split.parameters)
    for (const part of numbersUpTo(p.parts))
      for (const members of [partHolders(split, p, part), partSummands(split, p, part)]) {
        const key = members.join();
        if (members.length > 1 && members.includes(group.rank) && !made.has(key)) made.set(key, await group.subgroup(members));
      }
  return members => made.get(members.join());
}

export async function splitRanks({ device, group, split }: SplitRanksOptions): Promise<StepRanks> {
  const groupOf = await openGroups(split, group);
  const norm = treeProgram<DeviceArray>((gradients: Tree<Tensor>) => squaredNorm(treeLeaves<Tensor>(gradients)), {
    device,
    fuse: true,
    name: "norm",
  });
  const last = split.mesh.sizes.pipeline - 1;
  /** One of the ranks that have the same rows and the loss. */
  const tellsLoss = (rank: number): boolean => {
    const { tensor, sequence, pipeline } = coordinatesOf(split.mesh, rank);
    return tensor === 0 && sequence === 0 && pipeline === last;
  };
  /** Whole parameters that this rank owns, and their gradients of the step. */
  let [owned, gradients]: [PartArrays, PartArrays] = [{}, {}];
  let told: readonly (readonly number[])[] = [];
  const dispose = (arrays: PartArrays): void => {
    for (const a of Object.values(arrays)) a.dispose();
  };

  /** Adds up the parts' gradients, and brings them together on their owners. */
  async function gather(parts: PartArrays): Promise<PartArrays> {
    const made: PartArrays = {};
    for (const p of split.parameters) {
      const own = parts[p.path];
      for (const part of numbersUpTo(p.parts)) {
        const members = partSummands(split, p, part);
        const among = members.includes(group.rank) ? groupOf(members) : undefined;
        if (among) await sumArray(among, own!, members.indexOf(partHolder(split, p, part)));
      }
      const whole = await wholeOnOwner(split, group, p, own);
      own?.dispose();
      if (whole) made[p.path] = await device.array(whole, p.spec.dtype, p.spec.shape);
    }
    return made;
  }

  /** A whole array of the owner's in all ranks' parts. */
  async function spread(p: SplitParameter, into: DeviceArray | undefined): Promise<void> {
    const whole = await owned[p.path]?.read();
    for (const part of numbersUpTo(p.parts)) {
      const cut = await partBesideOwner(split, group, p, whole, part);
      if (cut) await into!.write(cut);
      const members = partHolders(split, p, part);
      const among = members.includes(group.rank) ? groupOf(members) : undefined;
      if (among) await broadcastArray(among, into!, members.indexOf(partHolder(split, p, part)));
    }
  }

  async function squared(): Promise<number> {
    let own = 0;
    if (Object.keys(gradients).length) {
      const made = await norm.with({}, gradients);
      own = await made.item();
      made.dispose();
    }
    return sum((await gatherNumbers(group, [own])).flat());
  }

  async function total(own: () => Promise<StepSums>, parts: () => unknown): Promise<StepSums> {
    dispose(gradients);
    gradients = {};
    const { numbers } = await onEveryRank(group, own, made => [made.loss, made.squared], 2);
    told = numbers;
    const isSound = numbers.flat().every(Number.isFinite);
    // parts by path, which the trainer's types cannot say
    if (isSound) gradients = await gather(parts() as PartArrays);
    return {
      loss: sum(numbers.flatMap(([loss], rank) => (tellsLoss(rank) ? [loss!] : []))),
      squared: isSound ? await squared() : Number.NaN,
      own: [],
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
    for (const p of split.parameters) await spread(p, parts[p.path]);
    return { parameters: parts, optimizer: next.optimizer };
  }

  return {
    holdsState: path => split.parameters.find(p => p.path === path)!.owner === group.rank,
    async agreed(own) {
      const value = group.rank === 0 ? await own() : "";
      return String((await group.exchange(value))[0]);
    },
    async start(parameters) {
      dispose(owned);
      owned = await ownedArrays(split, group, device, parameters as PartArrays);
      for (const p of split.parameters) await spread(p, (parameters as PartArrays)[p.path]);
    },
    async weigh(own, count) {
      const { numbers } = await onEveryRank(group, own, weights => weights, count);
      return numbers.filter((_, rank) => tellsLoss(rank)).flat();
    },
    total,
    async blame(batches) {
      const documents = (await group.exchange(documentsIn(batches))) as (string | number)[][];
      const ranks = told.flatMap((numbers, rank) => (numbers.every(Number.isFinite) ? [] : [rank]));
      const blamed = documents.flatMap((d, rank) => (ranks.length && !ranks.includes(rank) ? [] : d));
      return { ranks, documents: [...new Set(blamed)].slice(0, 20) };
    },
    update,
    get heldBytes() {
      return arrayBytes(owned);
    },
    dispose() {
      for (const arrays of [owned, gradients]) dispose(arrays);
      norm.dispose();
    },
  };
}
