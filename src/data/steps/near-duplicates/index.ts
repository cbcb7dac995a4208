/**
 * Near-duplicates of a corpus: who is like whom by true Jaccard similarity of word shingles, found through MinHash bands and then
 * verified. `survivors` keeps the best of those that are alike and never drops a text without one that is truly like it (stars, not
 * chains); `groups` joins all that are linked, for splits; `leaks` is exact, without bands, and checks a finished split.
 */
import { z } from "zod";
import { type Bands, bandKeys, minHasher } from "./minhash.ts";
import { jaccard, shingles } from "./shingles.ts";
import { type UnionFind, unionFind } from "./union-find.ts";

export { candidateProbability, estimate, minHasher } from "./minhash.ts";
export { jaccard, shingles } from "./shingles.ts";

export const nearDuplicateOptions = z.strictObject({
  /** Words a shingle. */
  words: z.number().int().min(1).max(64).default(5),
  bands: z.number().int().min(1).max(512).default(14),
  rows: z.number().int().min(1).max(64).default(8),
  /** Jaccard similarity from which two texts are alike. */
  threshold: z.number().gt(0).max(1).default(0.7),
});
export type NearDuplicateOptions = z.output<typeof nearDuplicateOptions>;

/** What is kept of each text: its shingles (4 bytes a distinct shingle) and band keys. */
export interface Sketch {
  readonly shingles: Uint32Array;
  /** Empty for texts too short to shingle: nothing is known to be like them. */
  readonly keys: Uint32Array;
}

export function sketcher(options: Pick<NearDuplicateOptions, "words" | "bands" | "rows">): (text: string) => Sketch {
  const sign = minHasher(options);
  return text => {
    const set = shingles(text, options.words);
    return { shingles: set, keys: set.length === 0 ? new Uint32Array(0) : bandKeys(sign(set), options) };
  };
}

/** One text per band key, or several. */
const buckets = ({ bands }: Pick<Bands, "bands">) => Array.from({ length: bands }, () => new Map<number, number[]>());

/** Verdict on a text that goes: which one stays in its place, and how alike they are. */
export interface Twin {
  readonly survivor: number;
  readonly similarity: number;
}

/**
 * Walks the texts in `order` (best first); one that is like an earlier survivor goes, naming the survivor most like it. Every text that
 * goes is verified against the one that stays; the result depends on `order` alone.
 */
export function survivors(sketches: readonly Sketch[], order: readonly number[], options: NearDuplicateOptions): Map<number, Twin> {
  const tables = buckets(options);
  const twins = new Map<number, Twin>();
  const seen = new Uint32Array(sketches.length);
  for (const [turn, i] of order.entries()) {
    const { keys, shingles: mine } = sketches[i]!;
    let best: Twin | undefined;
    for (let b = 0; b < keys.length; b++) {
      for (const j of tables[b]!.get(keys[b]!) ?? []) {
        if (seen[j] === turn + 1) continue;
        seen[j] = turn + 1;
        const similarity = jaccard(mine, sketches[j]!.shingles);
        if (similarity >= options.threshold && (!best || similarity > best.similarity)) best = { survivor: j, similarity };
      }
    }
    if (best) {
      twins.set(i, best);
      continue;
    }
    for (let b = 0; b < keys.length; b++) {
      const list = tables[b]!.get(keys[b]!);
      if (list) list.push(i);
      else tables[b]!.set(keys[b]!, [i]);
    }
  }
  return twins;
}

/** Sets of texts joined by verified likeness, also over several links. */
export function groups(sketches: readonly Sketch[], options: NearDuplicateOptions): UnionFind {
  const sets = unionFind(sketches.length);
  for (let b = 0; b < options.bands; b++) {
    const table = new Map<number, number[]>();
    for (const [i, { keys, shingles: mine }] of sketches.entries()) {
      if (keys.length === 0) continue;
      const list = table.get(keys[b]!);
      if (!list) {
        table.set(keys[b]!, [i]);
        continue;
      }
      for (const j of list)
        if (sets.find(i) !== sets.find(j) && jaccard(mine, sketches[j]!.shingles) >= options.threshold) sets.union(i, j);
      list.push(i);
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
export function leaks(sketches: readonly Sketch[], heldOut: readonly number[], train: readonly number[], threshold: number): Leak[] {
  const postings = new Map<number, number[]>();
  // One byte for each value of a shingle's upper 22 bits: most train shingles are turned away here, before the map.
  const present = new Uint8Array(2 ** 22);
  for (const h of heldOut) {
    for (const s of sketches[h]!.shingles) {
      present[s >>> 10] = 1;
      const list = postings.get(s);
      if (list) list.push(h);
      else postings.set(s, [h]);
    }
  }
  const common = new Uint32Array(sketches.length);
  const found: Leak[] = [];
  for (const t of train) {
    const mine = sketches[t]!.shingles;
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
      const similarity = both / (mine.length + sketches[h]!.shingles.length - both);
      if (similarity >= threshold) found.push({ heldOut: h, train: t, similarity });
    }
  }
  return found;
}
