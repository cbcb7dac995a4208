/** What ranks find out together in a step, however they share the work. */
import { type Tree, treeLeaves } from "../../base/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import type { Device, DeviceArray, ExecutionOptions, Tensor } from "../../tensor/index.ts";
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
  async function own(gradients: Readonly<Record<string, DeviceArray>>, run: ExecutionOptions = {}): Promise<number> {
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

export type GradientNorm = ReturnType<typeof gradientNorm>;

/** The value that the first rank comes to. */
export async function agreedByFirst(group: ProcessGroup, own: () => Promise<string>): Promise<string> {
  const value = group.rank === 0 ? await own() : "";
  return String((await group.exchange(value))[0]);
}

interface SpoiltStep {
  readonly batches: readonly HostBatch[];
  /** Of each rank; one that is none tells that the rank has spoilt the step. */
  readonly numbers: readonly (readonly number[])[];
  /** Parameters whose gradient is no number on this rank. */
  readonly own: readonly string[];
  /** All parameters, in the order of the specifications. */
  readonly paths: readonly string[];
}

/** Who has spoilt a step: the ranks of whose numbers one is none, with their documents, or those of all where it cannot be told, and the parameters. */
export async function blameFor(group: ProcessGroup, { batches, numbers, own, paths }: SpoiltStep): Promise<Blame> {
  const all = await group.exchange({ documents: documentsIn(batches), parameters: [...own] });
  // what each rank has given above
  const told = all as unknown as { readonly documents: (string | number)[]; readonly parameters: string[] }[];
  const ranks = numbers.flatMap((own, rank) => (own.every(Number.isFinite) ? [] : [rank]));
  const documents = told.flatMap((rank, i) => (ranks.length && !ranks.includes(i) ? [] : rank.documents));
  const spoilt = new Set(told.flatMap(rank => rank.parameters));
  // ranks that part the model have the same rows
  return { ranks, documents: [...new Set(documents)].slice(0, 20), parameters: paths.filter(path => spoilt.has(path)) };
}
