/**
 * Near-duplicates of a corpus: who is like whom by true Jaccard similarity of word shingles, found through MinHash bands and then
 * verified. `survivors` keeps the best of those that are alike and never drops a text without one that is truly like it (stars, not
 * chains); `groups` joins all that are linked, for splits; `leaks` is exact, without bands, and checks a finished split.
 */
import { z } from "zod";
import { keyTable } from "./key-table.ts";
import { similarityFrom } from "./shingles.ts";
import type { Sketches } from "./sketches.ts";
import { type UnionFind, unionFind } from "./union-find.ts";

export { candidateProbability, estimate, minHasher, plainMinHasher } from "./minhash.ts";
export { maxScanBytes, scanner } from "./scan.ts";
export { jaccard, shingles, similarityFrom } from "./shingles.ts";
export { type Sketches, type SketchStore, sketchAll, sketchStore } from "./sketches.ts";
export { isAscii } from "./words.ts";

export const nearDuplicateOptions = z.strictObject({
  /** Words a shingle. */
  words: z.number().int().min(1).max(64).default(5),
  bands: z.number().int().min(1).max(512).default(14),
  rows: z.number().int().min(1).max(64).default(8),
  /** Jaccard similarity from which two texts are alike. */
  threshold: z.number().gt(0).max(1).default(0.7),
});
export type NearDuplicateOptions = z.output<typeof nearDuplicateOptions>;

/** Verdict on a text that goes: which one stays in its place, and how alike they are. */
export interface Twin {
  readonly survivor: number;
  readonly similarity: number;
}

export interface Survivors {
  /** Of every text that goes, who stays. */
  readonly twins: ReadonlyMap<number, Twin>;
  /** Texts joined by the likenesses that were seen on the way: every text that goes with all that stay and are like it, and more. */
  readonly linked: UnionFind;
}

/**
 * Walks the texts in `order` (best first); one that is like an earlier survivor goes, naming the survivor most like it, the better one of
 * two that are equally so. Every text that goes is verified against the one that stays; the result depends on `order` alone. A bucket holds
 * its survivors, and of what went one text a linked set, so that a cluster of any size takes time in proportion. Memory beside the
 * sketches: 6 to 12 bytes a band and text.
 */
export function survivors(sketches: Sketches, order: ArrayLike<number>, { bands, threshold }: NearDuplicateOptions): Survivors {
  // Entry: turn x bands + band.
  const table = keyTable(order.length * bands, entry => sketches.key(order[Math.floor(entry / bands)]!, entry % bands));
  const twins = new Map<number, Twin>();
  const linked = unionFind(sketches.size);
  /** Turn + 1 of the text that last met the text of this turn. */
  const met = new Uint32Array(order.length);
  for (let turn = 0; turn < order.length; turn++) {
    const i = order[turn]!;
    if (sketches.isShort(i)) continue;
    let [like, best] = [-1, threshold];
    for (let b = 0; b < bands; b++)
      table.visit(sketches.key(i, b), entry => {
        const other = Math.floor(entry / bands);
        if (entry % bands !== b || met[other] === turn + 1) return;
        met[other] = turn + 1;
        const j = order[other]!;
        const isLinked = linked.find(i) === linked.find(j);
        const isGone = twins.has(j);
        if (isLinked && isGone) return;
        const similarity = similarityFrom(sketches.shingles(i), sketches.shingles(j), isLinked ? best : threshold);
        if (similarity === undefined) return;
        linked.union(i, j);
        if (isGone || similarity < best || (like >= 0 && similarity === best && other > like)) return;
        [like, best] = [other, similarity];
      });
    if (like >= 0) twins.set(i, { survivor: order[like]!, similarity: best });
    for (let b = 0; b < bands; b++) {
      let isThere = false;
      if (like >= 0)
        table.visit(sketches.key(i, b), entry => {
          isThere ||= entry % bands === b && linked.find(order[Math.floor(entry / bands)]!) === linked.find(i);
        });
      if (!isThere) table.insert(sketches.key(i, b), turn * bands + b);
    }
  }
  return { twins, linked };
}

/** Sets of texts joined by verified likeness, also over several links. */
export function groups(sketches: Sketches, { bands, threshold }: NearDuplicateOptions): UnionFind {
  const { size } = sketches;
  const sets = unionFind(size);
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
        const similarity = similarityFrom(sketches.shingles(i), sketches.shingles(j), threshold);
        if (similarity === undefined) return;
        sets.union(i, j);
        if (similarity === 1) isCopy[i] = 1;
      });
      if (isCopy[i] === 0) table.insert(key, i);
    }
  }
  return sets;
}

export interface Leak {
  readonly heldOut: number;
  readonly train: number;
  readonly similarity: number;
}

/**
 * Every pair across two sides whose similarity reaches `threshold`: exact, by counting common shingles through an inverted list of the
 * held-out side. Time: train shingles plus matches; memory: 8 bytes a held-out shingle.
 */
export function leaks(sketches: Sketches, heldOut: readonly number[], train: readonly number[], threshold: number): Leak[] {
  const postings = new Map<number, number[]>();
  // One byte for each value of a shingle's upper 22 bits: most train shingles are turned away here, before the map.
  const present = new Uint8Array(2 ** 22);
  for (const h of heldOut) {
    for (const s of sketches.shingles(h)) {
      present[s >>> 10] = 1;
      const list = postings.get(s);
      if (list) list.push(h);
      else postings.set(s, [h]);
    }
  }
  const common = new Uint32Array(sketches.size);
  const found: Leak[] = [];
  for (const t of train) {
    const mine = sketches.shingles(t);
    const touched: number[] = [];
    for (const s of mine) {
      if (present[s >>> 10] === 0) continue;
      for (const h of postings.get(s) ?? []) {
        if (common[h] === 0) touched.push(h);
        common[h] = common[h]! + 1;
      }
    }
    for (const h of touched) {
      const both = common[h]!;
      common[h] = 0;
      const similarity = both / (mine.length + sketches.shingles(h).length - both);
      if (similarity >= threshold) found.push({ heldOut: h, train: t, similarity });
    }
  }
  return found;
}
