/** What the loop of a training does with other ranks between steps: which state each holds and saves, and what they do next. */
import type { Device, DeviceArray } from "../../tensor/index.ts";
import { ownLeaves, parameterOwners } from "./owners.ts";
import type { ParallelOptions } from "./parallel-options.ts";
import { gatherNumbers } from "./rank-arrays.ts";
import { ownedArrays, type PartArrays } from "./split-values.ts";
import type { OptimizerState } from "./step-ranks.ts";

/** Does this rank write logs and look for checkpoints? */
export const isFirstRank = (parallel: ParallelOptions | undefined): boolean => !parallel || parallel.group.rank === 0;

/** Does this rank hold the optimiser state of a parameter? */
export function stateHolder(specs: unknown, parallel: ParallelOptions | undefined): (path: string) => boolean {
  if (!parallel?.zero && !parallel?.split) return () => true;
  const { rank } = parallel.group;
  const owners = ownersOf(specs, parallel);
  return path => owners.get(path) === rank;
}

const ownersOf = (specs: unknown, { group, split }: ParallelOptions): ReadonlyMap<string, number> =>
  split ? new Map(split.parameters.map(p => [p.path, p.owner])) : parameterOwners(specs, group.size);

/** What a checkpoint holds. */
interface SavedValues {
  readonly parameters: unknown;
  readonly optimizer: OptimizerState;
  readonly best?: unknown;
  readonly kept: Readonly<Record<string, unknown>>;
  readonly averaged?: readonly unknown[];
}

/**
 * Lets `use` have this rank's part of what is saved: each parameter, and all that goes by its path, is written whole by its owner. Every rank calls it.
 */
export async function withShard<T>(
  values: SavedValues,
  { device, specs, parallel }: { readonly device: Device; readonly specs: unknown; readonly parallel: ParallelOptions },
  use: (own: SavedValues) => Promise<T>,
): Promise<T> {
  const { group, split } = parallel;
  const owners = ownersOf(specs, parallel);
  const isOwn = (path: string) => owners.get(path) === group.rank;
  const made: PartArrays[] = [];
  async function own(tree: unknown): Promise<PartArrays> {
    if (!split) return ownLeaves<DeviceArray>(tree, owners, group.rank);
    const whole = await ownedArrays(split, group, device, tree as PartArrays);
    made.push(whole);
    return whole;
  }
  const { parameters, optimizer, best, kept, averaged } = values;
  try {
    const keptTrees: Record<string, PartArrays> = {};
    const saved = {
      parameters: await own(parameters),
      optimizer: Object.fromEntries(Object.entries(optimizer).filter(([path]) => isOwn(path))),
      ...(best ? { best: await own(best) } : {}),
      kept: keptTrees,
    };
    for (const [step, tree] of Object.entries(kept)) keptTrees[step] = await own(tree);
    const averagedTrees: PartArrays[] = [];
    for (const tree of averaged ?? []) averagedTrees.push(await own(tree));
    return await use({ ...saved, ...(averaged ? { averaged: averagedTrees } : {}) });
  } finally {
    for (const arrays of made) for (const a of Object.values(arrays)) a.dispose();
  }
}

interface Wanted {
  readonly save: boolean;
  readonly stop: boolean;
}

/** What all ranks do after a step: save where the first one's clock says so, stop where any was asked to. */
export async function wantedBetweenSteps(parallel: ParallelOptions | undefined, own: Wanted): Promise<Wanted> {
  if (!parallel) return own;
  const all = await gatherNumbers(parallel.group, [Number(own.save), Number(own.stop)]);
  return { save: all[0]![0] === 1, stop: all.some(([, stop]) => stop === 1) };
}
