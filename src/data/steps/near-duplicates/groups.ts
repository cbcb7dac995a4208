/** Texts joined by verified likeness of their shingles; and one text against others, which all who verify share. */
import { hashSet } from "./hash-set.ts";
import { keyTable } from "./key-table.ts";
import type { Sketches } from "./sketches.ts";
import { type UnionFind, unionFind } from "./union-find.ts";

/** One text against others: it is taken apart once for all of them. Undefined below `threshold`. */
export function comparison(sketches: Sketches): (i: number, j: number, threshold: number) => number | undefined {
  const set = hashSet();
  let loaded = -1;
  return (i, j, threshold) => {
    if (loaded !== i) sketches.shingles(i, set);
    loaded = i;
    return set.similarityFrom(sketches.shingles(j), threshold);
  };
}

/** Sets of texts joined by verified likeness, also over several links. */
export function similarGroups(sketches: Sketches, { bands, threshold }: { readonly bands: number; readonly threshold: number }): UnionFind {
  const { size } = sketches;
  const sets = unionFind(size);
  const compare = comparison(sketches);
  // A text with the very shingles of another has its keys too: the other stands for both.
  const isCopy = new Uint8Array(size);
  let band = 0;
  const table = keyTable(size, i => sketches.key(i, band));
  for (; band < bands; band++) {
    if (band > 0) table.clear();
    for (let i = 0; i < size; i++) {
      if (isCopy[i] === 1 || sketches.isShort(i)) continue;
      const key = sketches.key(i, band);
      table.visit(key, j => {
        if (isCopy[i] === 1 || sets.find(i) === sets.find(j)) return;
        const similarity = compare(i, j, threshold);
        if (similarity === undefined) return;
        sets.union(i, j);
        if (similarity === 1) isCopy[i] = 1;
      });
      if (isCopy[i] === 0) table.insert(key, i);
    }
  }
  return sets;
}
