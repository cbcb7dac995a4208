/**
 * What stays together: documents joined by near-duplication and by the values of any number of attributes (an author, a thread), over several
 * links too. Groups come in the order of a seeded hash of their smallest id, as in the split by share.
 */
import { sha256 } from "../../base/index.ts";
import type { UnionFind } from "../steps/near-duplicates/union-find.ts";

/** One value a document; undefined joins with nobody. */
export type GroupColumn = ArrayLike<string | undefined>;

/** Joins documents that have a value in common. Returns how many joins each column made beyond those that stood. */
export function joinByValues(sets: UnionFind, columns: readonly GroupColumn[]): number[] {
  return columns.map(column => {
    const first = new Map<string, number>();
    let joins = 0;
    for (let i = 0; i < column.length; i++) {
      const value = column[i];
      if (value === undefined) continue;
      const j = first.get(value);
      if (j === undefined) first.set(value, i);
      else if (sets.union(j, i)) joins++;
    }
    return joins;
  });
}

export interface DocumentGroups {
  readonly count: number;
  /** Of each document. */
  readonly groupOf: Uint32Array;
  /** Of each group: its size, and its first document. */
  readonly sizes: Float64Array;
  readonly first: Uint32Array;
}

/** The groups of disjoint sets over documents that are sorted by id; `sizes` says what each document counts (1 without it). */
export function groupsOfSets(
  ids: ArrayLike<string>,
  sets: Pick<UnionFind, "find">,
  seed: number | string,
  sizes?: ArrayLike<number>,
): DocumentGroups {
  const n = ids.length;
  const roots = Uint32Array.from({ length: n }, (_, i) => i).filter(i => sets.find(i) === i);
  // The hash of the smallest id alone: the smallest of all members' hashes would put large groups first. 52 bits of it, then the id.
  const keys = Float64Array.from(roots, r => Number.parseInt(sha256(`${seed}/${ids[r]}`).slice(0, 13), 16));
  const order = Uint32Array.from(roots.keys()).sort((a, b) => keys[a]! - keys[b]! || roots[a]! - roots[b]!);
  const place = new Uint32Array(n);
  order.forEach((r, g) => {
    place[roots[r]!] = g;
  });
  const groupOf = Uint32Array.from({ length: n }, (_, i) => place[sets.find(i)]!);
  const total = new Float64Array(roots.length);
  for (let i = 0; i < n; i++) total[groupOf[i]!]! += sizes?.[i] ?? 1;
  return { count: roots.length, groupOf, sizes: total, first: order.map(r => roots[r]!) };
}
