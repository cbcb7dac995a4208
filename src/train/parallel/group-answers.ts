/** What ranks find out together in a step, however they share the work. */
import { type Tree, treeLeaves } from "../../base/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import type { Device, DeviceArray, RunOptions, Tensor } from "../../tensor/index.ts";
import type { HostBatch } from "../batch.ts";
import { squaredNorm } from "../optimizer.ts";
import { treeProgram } from "../tree-program.ts";
import { gatherNumbers } from "./rank-arrays.ts";
import { type Blame, documentsIn } from "./step-ranks.ts";

export const addUp = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);

/** Squared norms of gradients that a rank has, 0 of none, and of those of all ranks. */
export function gradientNorm(device: Device, group: ProcessGroup) {
  const program = treeProgram<DeviceArray>((gradients: Tree<Tensor>) => squaredNorm(treeLeaves<Tensor>(gradients)), {
    device,
    fuse: true,
    name: "norm",
  });
  async function own(gradients: Readonly<Record<string, DeviceArray>>, run: RunOptions = {}): Promise<number> {
    // a rank may own nothing: there may be more ranks than parameters
    if (Object.keys(gradients).length === 0) return 0;
    const made = await program.with(run, gradients);
    try {
      return await made.item();
    } finally {
      made.dispose();
    }
  }
  return {
    own,
    /** Each rank's part of it, added up in rank order. */
    all: async (gradients: Readonly<Record<string, DeviceArray>>): Promise<number> =>
      addUp((await gatherNumbers(group, [await own(gradients)])).flat()),
    dispose: () => program.dispose(),
  };
}

/** The value that the first rank comes to. */
export async function agreedByFirst(group: ProcessGroup, own: () => Promise<string>): Promise<string> {
  const value = group.rank === 0 ? await own() : "";
  return String((await group.exchange(value))[0]);
}

/** Who has spoilt a step: the ranks of whose numbers one is none, and their documents; those of all where it cannot be told. */
export async function blameFor(
  group: ProcessGroup,
  batches: readonly HostBatch[],
  numbers: readonly (readonly number[])[],
): Promise<Blame> {
  const told = (await group.exchange(documentsIn(batches))) as (string | number)[][];
  const ranks = numbers.flatMap((own, rank) => (own.every(Number.isFinite) ? [] : [rank]));
  const documents = told.flatMap((own, rank) => (ranks.length && !ranks.includes(rank) ? [] : own));
  // ranks that part the model have the same rows
  return { ranks, documents: [...new Set(documents)].slice(0, 20) };
}
