/** Trees as flat tables of paths and back, so that parts of a tree can be trained and the rest stay. */
import { isBranch, type Tree, treePaths } from "../../base/index.ts";

/** The tree that has these leaves at these paths; a branch whose keys are 0, 1, ... is a list. */
export function treeOf<L>(leaves: Iterable<readonly [string, L]>): Tree<L> {
  const root: Record<string, unknown> = {};
  for (const [path, leaf] of leaves) {
    const keys = path.split(".");
    let branch = root;
    for (const key of keys.slice(0, -1)) {
      branch[key] ??= {};
      branch = branch[key] as Record<string, unknown>;
    }
    branch[keys.at(-1)!] = leaf;
  }
  const listed = (x: unknown): unknown => {
    if (!isBranch(x)) return x;
    const entries = Object.entries(x).map(([k, v]) => [k, listed(v)] as const);
    // keys that are numbers come first and in order
    return entries.length > 0 && entries.every(([k], i) => k === String(i)) ? entries.map(([, v]) => v) : Object.fromEntries(entries);
  };
  return listed(root) as Tree<L>;
}

/** Leaves by path. */
export const leavesOf = <L>(tree: unknown): Map<string, L> => new Map(treePaths<L>(tree as Tree<L>));

/** Does a name mean a path? It does where its segments stand in it, one after the other: `attention`, `query`, `blocks.3`, `feedForward.up`. */
export const isNamed = (path: string, name: string): boolean => `.${path}.`.includes(`.${name}.`);
