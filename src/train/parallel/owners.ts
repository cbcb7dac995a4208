/**
 * Which rank owns which parameter. An owner has the parameter's optimiser state, updates it and writes it into checkpoints. Parameters are owned whole:
 * rules such as Muon need whole matrices. Idea: ZeRO (Rajbhandari et al. 2020, section 5), by parameter in place of by flat slice.
 */
import { type Tree, treePaths } from "../../base/index.ts";
import type { ParameterSpec } from "../../nn/index.ts";
import { bytesOf } from "../../tensor/index.ts";

/** Rank by path of a parameter. */
type Owners = ReadonlyMap<string, number>;

/** A tree's leaves that a rank owns, by their paths. */
export const ownLeaves = <L>(tree: unknown, owners: Owners, rank: number): Record<string, L> =>
  // a tree of a trainer, which its types cannot say of any specification
  Object.fromEntries(treePaths<L>(tree as Tree<L>).filter(([path]) => owners.get(path) === rank));

/** Largest first, each to the rank with the least so far (Graham 1969: at most 4/3 of the best balance). A function of shapes and size alone. */
export function parameterOwners(specs: unknown, size: number): Owners {
  const held = new Array<number>(size).fill(0);
  const bySize = treePaths<ParameterSpec>(specs as Tree<ParameterSpec>)
    .map(([path, { shape, dtype }]) => ({ path, bytes: bytesOf(shape, dtype) }))
    .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
  const owners = new Map<string, number>();
  for (const { path, bytes } of bySize) {
    const rank = held.indexOf(Math.min(...held));
    owners.set(path, rank);
    held[rank]! += bytes;
  }
  return owners;
}
