/**
 * Short texts compared by their single words: one changed word of twelve changes 5 of the 8 shingles of five words, but 1 word. Similarity is
 * the Jaccard similarity of the bags of words (a word that occurs twice counts twice); the order of words does not matter. Candidates are
 * exact: two alike texts share one of their rarest words (prefix filtering: Chaudhuri et al. 2006, Bayardo et al. 2007, Xiao et al. 2008).
 */
import { leastCommon } from "./hash-set.ts";
import type { UnionFind } from "./union-find.ts";
import { mixHash, rawWordHashes, shingleFactor } from "./words.ts";

const none = new Uint32Array(0);

/** The words of a text as ascending hashes, the second "the" differing from the first; empty for a text of more than `most` words. */
export function wordBag(text: string, most: number): Uint32Array {
  const raw = most > 0 ? rawWordHashes(text, most + 1) : none;
  if (raw.length > most) return none;
  const words = raw.map(mixHash).sort();
  let run = 0;
  const bag = words.map((word, i) => {
    run = i > 0 && words[i - 1] === word ? run + 1 : 0;
    return run === 0 ? word : mixHash(word + Math.imul(run, shingleFactor));
  });
  return bag.sort();
}

/** The Jaccard similarity of two bags where it is at least `threshold`, otherwise undefined. */
export function bagSimilarity(a: Uint32Array, b: Uint32Array, threshold: number): number | undefined {
  const [n, m] = [a.length, b.length];
  const need = leastCommon(n, m, threshold);
  // How many words of each may still turn out to be missing from the other.
  let [spareA, spareB] = [n - need, m - need];
  if (n === 0 || m === 0 || spareA < 0 || spareB < 0) return undefined;
  let [i, j, both] = [0, 0, 0];
  while (i < n && j < m) {
    const [x, y] = [a[i]!, b[j]!];
    if (x === y) both++;
    else if (x < y ? --spareA < 0 : --spareB < 0) return undefined;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  const similarity = both / (n + m - both);
  return similarity >= threshold ? similarity : undefined;
}

/** How often words occur, as 32-bit counts of cells that words of equal upper bits share. */
export type WordCountBytes = Buffer;

/** Fewest and most bits of a cell's number: 256 B to 4 MiB. */
const [fewestBits, mostBits] = [6, 20];

/** Counts for `numWords` words, all 0. */
export const emptyCounts = (numWords: number): WordCountBytes =>
  Buffer.alloc(4 * 2 ** Math.max(fewestBits, Math.min(mostBits, Math.ceil(Math.log2(4 * numWords + 1)))));

/** Where the count of a word lies. */
function cellsOf(counts: WordCountBytes): (word: number) => number {
  const shift = 34 - Math.log2(counts.length);
  return word => 4 * (word >>> shift);
}

export function countWords(bag: Uint32Array, counts: WordCountBytes): void {
  const cellOf = cellsOf(counts);
  for (const word of bag) {
    const cell = cellOf(word);
    counts.writeUInt32LE(Math.min(2 ** 32 - 1, counts.readUInt32LE(cell) + 1), cell);
  }
}

/** At least as often as the word occurs: 0 is certain. */
export const countOf = (word: number, counts: WordCountBytes): number => counts.readUInt32LE(cellsOf(counts)(word));

/** Counts that order words: a larger one would leave no room for the word in 53 bits. */
const highestCount = 2 ** 21 - 1;

/**
 * The rarest words of a bag, as many as it takes: two bags whose similarity reaches `threshold` have one of them in common, by whatever
 * counts, as long as both go by the same. A bag of k words shares at least threshold x k words with one that is alike; of any
 * k - threshold x k + 1 words, one is shared.
 */
export function rarestWords(bag: Uint32Array, threshold: number, counts: WordCountBytes): Uint32Array {
  const k = bag.length;
  let need = Math.ceil(threshold * k);
  while (need > 0 && (need - 1) / k >= threshold) need--;
  const cellOf = cellsOf(counts);
  const order = new Float64Array(k);
  for (let i = 0; i < k; i++) order[i] = Math.min(highestCount, counts.readUInt32LE(cellOf(bag[i]!))) * 2 ** 32 + bag[i]!;
  order.sort();
  const rarest = new Uint32Array(k - Math.max(1, need) + 1);
  for (let i = 0; i < rarest.length; i++) rarest[i] = order[i]! % 2 ** 32;
  return rarest;
}

/** So few bags are all compared. */
const fewBags = 16;

/**
 * Joins all bags that are alike, also over several links. Bags that share a rare word are compared unless they are joined already; a list
 * of bags with a word is kept as runs of joined ones, so that many copies of one text take time in proportion.
 */
export function joinAlike(bags: readonly Uint32Array[], threshold: number, sets: UnionFind): void {
  if (bags.length <= fewBags) {
    for (const [i, a] of bags.entries())
      for (let j = 0; j < i; j++)
        if (sets.find(i) !== sets.find(j) && bagSimilarity(a, bags[j]!, threshold) !== undefined) sets.union(i, j);
    return;
  }
  const counts = emptyCounts(bags.reduce((n, bag) => n + bag.length, 0));
  for (const bag of bags) countWords(bag, counts);
  const runsOf = new Map<number, number[][]>();
  for (const [i, bag] of bags.entries()) {
    if (bag.length === 0) continue;
    for (const word of rarestWords(bag, threshold, counts)) {
      const runs = runsOf.get(word);
      if (!runs) {
        runsOf.set(word, [[i]]);
        continue;
      }
      let own: number[] = [];
      let kept = 0;
      for (const run of runs) {
        if (sets.find(run[0]!) !== sets.find(i) && run.some(j => bagSimilarity(bag, bags[j]!, threshold) !== undefined))
          sets.union(run[0]!, i);
        if (sets.find(run[0]!) !== sets.find(i)) runs[kept++] = run;
        else {
          // The shorter run goes into the longer one.
          const [long, short] = own.length < run.length ? [run, own] : [own, run];
          for (const j of short) long.push(j);
          own = long;
        }
      }
      own.push(i);
      runs.length = kept;
      runs.push(own);
    }
  }
}
