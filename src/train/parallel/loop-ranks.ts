/** What the loop of a training does with other ranks between steps: which state each holds and saves, and what they do next. */
import type { ProcessGroup } from "../../ranks/index.ts";
import type { DeviceArray } from "../../tensor/index.ts";
import { ownLeaves, parameterOwners } from "./owners.ts";
import type { ParallelOptions } from "./parallel-options.ts";
import { gatherNumbers } from "./rank-arrays.ts";
import type { OptimizerState } from "./step-ranks.ts";

/** Does this rank write logs and look for checkpoints? */
export const isFirstRank = (parallel: ParallelOptions | undefined): boolean => !parallel || parallel.group.rank === 0;

/** Does this rank hold the optimiser state of a parameter? */
export function stateHolder(specs: unknown, parallel: ParallelOptions | undefined): (path: string) => boolean {
  if (!parallel?.zero) return () => true;
  const { rank, size } = parallel.group;
  const owners = parameterOwners(specs, size);
  return path => owners.get(path) === rank;
}

/** What a checkpoint holds. */
interface SavedValues {
  readonly parameters: unknown;
  readonly optimizer: OptimizerState;
  readonly best?: unknown;
  readonly kept: Readonly<Record<string, unknown>>;
  readonly averaged?: readonly unknown[];
}

/** This rank's part of what is saved: each parameter, and all that goes by its path, is written by its owner. */
export function shardOf(values: SavedValues, specs: unknown, { rank, size }: ProcessGroup): SavedValues {
  const owners = parameterOwners(specs, size);
  const own = (tree: unknown) => ownLeaves<DeviceArray>(tree, owners, rank);
  const { parameters, optimizer, best, kept, averaged } = values;
  return {
    parameters: own(parameters),
    optimizer: Object.fromEntries(Object.entries(optimizer).filter(([path]) => owners.get(path) === rank)),
    ...(best ? { best: own(best) } : {}),
    kept: Object.fromEntries(Object.entries(kept).map(([step, tree]) => [step, own(tree)])),
    ...(averaged ? { averaged: averaged.map(own) } : {}),
  };
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
