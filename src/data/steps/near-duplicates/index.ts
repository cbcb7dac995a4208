/**
 * Near-duplicates of a corpus: who is like whom by true Jaccard similarity of word shingles, found through MinHash bands and then
 * verified. `survivors` keeps the best of those that are alike and never drops a text without one that is truly like it (stars, not
 * chains); `groups` joins all that are linked, for splits; `leaks` is exact, without bands, and checks a finished split.
 */
import { comparison } from "./groups.ts";
import { keyTable } from "./key-table.ts";
import type { NearDuplicateOptions } from "./options.ts";
import type { Sketches } from "./sketches.ts";
import { type UnionFind, unionFind } from "./union-find.ts";

export { type DivisionLevels, divided, divisionLevels, fewestDivided, largestGroup, partsBy } from "./divide.ts";
export { similarGroups } from "./groups.ts";
export { type HashSet, hashSet } from "./hash-set.ts";
export { likeAcross, likeGroups } from "./like-groups.ts";
export { type Like, type LikeIndex, type LikeOptions, likeDefaults, likeIndex, mostIndexed } from "./like-index.ts";
export { linkHashes } from "./links.ts";
export { candidateProbability, estimateSimilarity, minHasher, plainMinHasher } from "./minhash.ts";
export { largestShare } from "./options.ts";
export { maxScanBytes, scanner } from "./scan.ts";
export { jaccard, shingleHashes, shingles } from "./shingles.ts";
export { bagSimilarity, countOf, countWords, emptyCounts, joinAlike, rarestWords, type WordCountBytes, wordBag } from "./short-texts.ts";
export {
  type Sketcher,
  type SketcherMemory,
  type Sketches,
  type SketchStore,
  sketchAll,
  sketcher,
  sketchStore,
  storedSketches,
} from "./sketches.ts";
export { isAscii } from "./words.ts";

/** Verdict on a text that goes: which one stays in its place, and how alike they are. */
export interface Twin {
  readonly survivor: number;
  readonly similarity: number;
}

interface Survivors {
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
  const compare = comparison(sketches);
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
        const similarity = compare(i, j, isLinked ? best : threshold);
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

interface Leak {
  /** Numbers on their own sides. */
  readonly heldOut: number;
  readonly train: number;
  readonly similarity: number;
}

/**
 * Every pair across two sides whose similarity reaches `threshold`: exact, by counting common shingles through an inverted list of the
 * held-out side; the train side comes in parts. Time: train shingles plus matches; memory: 12 bytes a held-out shingle.
 */
export function leaksAgainst(heldOut: Sketches, threshold: number): (train: Sketches) => Leak[] {
  // Postings as one list a shingle, in two flat arrays sorted by shingle.
  let size = 0;
  for (let h = 0; h < heldOut.size; h++) size += heldOut.shingles(h).length;
  const pairs = new Float64Array(size);
  for (let h = 0, at = 0; h < heldOut.size; h++) for (const s of heldOut.shingles(h)) pairs[at++] = s * maxHeldOut + h;
  pairs.sort();
  // Where the shingles with each value of the upper 20 bits begin.
  const starts = new Uint32Array(2 ** 20 + 1);
  for (const p of pairs) starts[(Math.floor(p / maxHeldOut) >>> 12) + 1]!++;
  for (let k = 0; k < 2 ** 20; k++) starts[k + 1]! += starts[k]!;
  const common = new Uint32Array(heldOut.size);
  return train => {
    const found: Leak[] = [];
    for (let t = 0; t < train.size; t++) {
      const mine = train.shingles(t);
      const touched: number[] = [];
      for (const s of mine)
        for (let at = starts[s >>> 12]!; at < starts[(s >>> 12) + 1]!; at++) {
          const h = pairs[at]! - s * maxHeldOut;
          if (h < 0) continue;
          if (h >= maxHeldOut) break;
          if (common[h] === 0) touched.push(h);
          common[h]!++;
        }
      for (const h of touched) {
        const both = common[h]!;
        common[h] = 0;
        const similarity = both / (mine.length + heldOut.shingles(h).length - both);
        if (similarity >= threshold) found.push({ heldOut: h, train: t, similarity });
      }
    }
    return found;
  };
}
/** More held-out documents than one comparison takes. */
const maxHeldOut = 2 ** 20;
