/**
 * The index of all items of all evaluation sets: their words with weights, and runs of words (seeds) through which a document meets an
 * item. Flat arrays: 8 bytes a word, and a seed (about one a word) 8 for its place, 8 for itself, 6 to 12 in tables. Weights and the idea
 * of a small index that clean text passes by: decon (Ai2, 2025); the weight of a run of words is its inverse document frequency (Sparck
 * Jones 1972) among the items, so that "which of the following is" says little.
 */

import { shingleHashes } from "../near-duplicates/shingles.ts";
import { mixHash, shingleFactor } from "../near-duplicates/words.ts";
import { type EvaluationItem, itemParts } from "./items.ts";
import { contaminationForm, contaminationWords } from "./words.ts";

export interface IndexOptions {
  /** Words of a seed. */
  readonly seedWords: number;
  /** Words of the runs that are weighed and counted. */
  readonly gramWords: number;
  /** Words that a prompt alone must have. */
  readonly minWords: number;
  /** Words that an answer alone must have. */
  readonly minAnswerWords: number;
  /** Words that prompt and answer together must have. */
  readonly minPairWords: number;
}

/** A seed that more parts share leads to none of them while they have others: it is the sets' form and not an item's. */
const maxPostings = 64;
/** Weights are whole numbers, so that sums are exact in any order: this many make 1. */
const weightUnit = 1024;

/** Where a part begins and ends among `words`: part `parts.length x item + role`. */
export interface EvaluationIndex {
  readonly keys: readonly string[];
  /** Whether anything of the item is long enough to be looked for. */
  readonly isSearched: Uint8Array;
  readonly starts: Uint32Array;
  readonly words: Uint32Array;
  readonly weights: Uint32Array;
  /** Sum of a part's weights. */
  readonly masses: Float64Array;
  /** Lengths of runs to look up: `seedWords`, and `shortSeed` where there are shorter prompts. */
  readonly lengths: readonly number[];
  /** Calls `visit` for every part that holds the seed, with its word. */
  lookUp(seed: number, visit: (part: number, at: number) => void): void;
  /** One bit for the upper bits of every seed: most of a clean text is turned away here. */
  readonly present: Uint32Array;
  readonly presentShift: number;
  readonly sizeBytes: number;
}

/** The hash of the `n` words from `at` on. */
export function gramAt(words: Uint32Array, at: number, n: number): number {
  let h = 0;
  for (let k = 0; k < n; k++) h = Math.imul(h ^ words[at + k]!, shingleFactor) + k;
  return mixHash(h);
}

/** Weights of words: the mean of the inverse document frequencies of the runs they are in. */
function weigh(starts: Uint32Array, words: Uint32Array, numItems: number, gramWords: number): Uint32Array {
  const [frequency, last] = [new Map<number, number>(), new Map<number, number>()];
  const grams = (part: number, visit: (hash: number, at: number, n: number) => void) => {
    const [from, to] = [starts[part]!, starts[part + 1]!];
    const n = Math.min(gramWords, to - from);
    if (n > 0) for (let i = from; i + n <= to; i++) visit(gramAt(words, i, n), i, n);
  };
  const count = itemParts.length * numItems;
  for (let part = 0; part < count; part++) {
    const item = Math.floor(part / itemParts.length);
    grams(part, hash => {
      if (last.get(hash) === item) return;
      last.set(hash, item);
      frequency.set(hash, (frequency.get(hash) ?? 0) + 1);
    });
  }
  const [sums, numbers] = [new Float64Array(words.length), new Uint8Array(words.length)];
  for (let part = 0; part < count; part++)
    grams(part, (hash, at, n) => {
      const idf = Math.log(1 + numItems / frequency.get(hash)!);
      for (let k = at; k < at + n; k++) {
        sums[k] = sums[k]! + idf;
        numbers[k]!++;
      }
    });
  return Uint32Array.from(sums, (sum, i) => Math.max(1, Math.round((weightUnit * sum) / (numbers[i] || 1))));
}

/** Runs by which parts are found: their hash, the part, and the word of the part they begin with. */
interface Seeds {
  readonly hashes: Uint32Array;
  readonly part: Uint32Array;
  readonly at: Uint32Array;
}

/** Prompts of fewer words than a seed are found by the one pair of their words that the fewest of such prompts have. */
export const shortSeed = 2;

/** Which parts of an item are looked for by themselves, by their numbers of words. One word alone stands everywhere. */
export function lookedFor(prompt: number, answer: number, o: Pick<IndexOptions, "minWords" | "minAnswerWords" | "minPairWords">) {
  const isPair = answer > 0 && prompt + answer >= o.minPairWords;
  return {
    prompt: prompt >= shortSeed && (prompt >= o.minWords || isPair),
    answer: answer >= Math.max(shortSeed, o.minAnswerWords),
  };
}

/** All runs of a part where it is long enough, else one pair of words; nothing of what could not count. */
function seedsOf(
  texts: readonly string[][],
  lengthOf: (part: number) => number,
  o: IndexOptions,
): { seeds: Seeds; lengths: number[]; isSearched: Uint8Array } {
  const [hashes, owners, places]: [number[], number[], number[]] = [[], [], []];
  const isSearched = new Uint8Array(texts.length);
  const put = (hash: number, part: number, at: number) => {
    hashes.push(hash);
    owners.push(part);
    places.push(at);
  };
  const short: { part: number; pairs: Uint32Array }[] = [];
  for (let item = 0; item < texts.length; item++) {
    const [prompt, answer] = [lengthOf(itemParts.length * item), lengthOf(itemParts.length * item + 1)];
    const looked = lookedFor(prompt, answer, o);
    const take = (role: 0 | 1) => {
      isSearched[item] = 1;
      const part = itemParts.length * item + role;
      const text = texts[item]![role]!;
      if (lengthOf(part) < o.seedWords) short.push({ part, pairs: shingleHashes(text, shortSeed).slice() });
      else {
        // A run that a part repeats leads to it once.
        const seen = new Set<number>();
        for (const [at, hash] of shingleHashes(text, o.seedWords).entries())
          if (!seen.has(hash)) {
            seen.add(hash);
            put(hash, part, at);
          }
      }
    };
    if (looked.prompt) take(0);
    if (looked.answer) take(1);
  }
  const times = new Map<number, number>();
  for (const { pairs } of short) for (const p of new Set(pairs)) times.set(p, (times.get(p) ?? 0) + 1);
  for (const { part, pairs } of short) {
    let rare = 0;
    for (let i = 1; i < pairs.length; i++) if (times.get(pairs[i]!)! < times.get(pairs[rare]!)!) rare = i;
    put(pairs[rare]!, part, rare);
  }
  const lengths = [...(hashes.length > short.length ? [o.seedWords] : []), ...(short.length > 0 ? [shortSeed] : [])];
  return {
    seeds: { hashes: Uint32Array.from(hashes), part: Uint32Array.from(owners), at: Uint32Array.from(places) },
    lengths: [...new Set(lengths)],
    isSearched,
  };
}

/** Numbers of hashes in the order of the hashes, then of the numbers. */
function sorted(hashes: Uint32Array): Uint32Array {
  // Hash above, number below in one 64-bit integer, little-endian: sorted without calling back.
  const pairs = new Uint32Array(2 * hashes.length);
  for (let i = 0; i < hashes.length; i++) {
    pairs[2 * i] = i;
    pairs[2 * i + 1] = hashes[i]!;
  }
  new BigUint64Array(pairs.buffer).sort();
  return Uint32Array.from(hashes, (_, i) => pairs[2 * i]!);
}

/** Builds the index. Time: about a second for a million words. */
export function evaluationIndex(items: readonly EvaluationItem[], o: IndexOptions): EvaluationIndex {
  const texts = items.map(item => itemParts.map(part => contaminationForm(item[part])));
  const lists = texts.flatMap(t => t.map(text => contaminationWords(text)));
  const starts = new Uint32Array(lists.length + 1);
  lists.forEach((list, p) => {
    starts[p + 1] = starts[p]! + list.length;
  });
  const words = new Uint32Array(starts[lists.length]!);
  lists.forEach((list, p) => {
    words.set(list, starts[p]!);
  });
  const weights = weigh(starts, words, items.length, o.gramWords);
  const masses = new Float64Array(lists.length);
  for (let p = 0; p < lists.length; p++) for (let i = starts[p]!; i < starts[p + 1]!; i++) masses[p] = masses[p]! + weights[i]!;

  const { seeds, lengths, isSearched } = seedsOf(texts, p => starts[p + 1]! - starts[p]!, o);
  const n = seeds.hashes.length;
  // A hash table of runs: slot -> first posting in `order`, postings of one seed side by side.
  const order = sorted(seeds.hashes);
  const size = 2 ** Math.ceil(Math.log2(Math.max(16, 1.5 * n)));
  const slots = new Uint32Array(size);
  const presentBits = Math.min(27, Math.max(10, Math.ceil(Math.log2(Math.max(1, 24 * n)))));
  const presentShift = 32 - presentBits;
  const present = new Uint32Array(2 ** (presentBits - 5));
  /** Parts that have a seed of their own. */
  const hasRare = new Uint8Array(lists.length);
  const endOf = (from: number) => {
    let to = from + 1;
    while (to < n && seeds.hashes[order[to]!] === seeds.hashes[order[from]!]) to++;
    return to;
  };
  for (let from = 0, to = 0; from < n; from = to) {
    to = endOf(from);
    if (to - from <= maxPostings) for (let i = from; i < to; i++) hasRare[seeds.part[order[i]!]!] = 1;
  }
  const postings: number[] = [];
  for (let from = 0, to = 0; from < n; from = to) {
    to = endOf(from);
    const hash = seeds.hashes[order[from]!]!;
    const first = postings.length;
    for (let i = from; i < to && postings.length - first < maxPostings; i++) {
      const seed = order[i]!;
      if (to - from <= maxPostings || hasRare[seeds.part[seed]!] === 0) postings.push(seed);
    }
    if (postings.length === first) continue;
    present[(hash >>> presentShift) >>> 5]! |= 1 << ((hash >>> presentShift) & 31);
    let slot = hash & (size - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (size - 1);
    slots[slot] = first + 1;
  }
  const runs = Uint32Array.from(postings);
  const hashOf = (posting: number) => seeds.hashes[runs[posting]!]!;
  return {
    keys: items.map(i => i.key),
    isSearched,
    starts,
    words,
    weights,
    masses,
    lengths,
    lookUp(seed, visit) {
      for (let slot = seed & (size - 1); slots[slot] !== 0; slot = (slot + 1) & (size - 1)) {
        const first = slots[slot]! - 1;
        if (hashOf(first) !== seed) continue;
        for (let i = first; i < runs.length && hashOf(i) === seed; i++) visit(seeds.part[runs[i]!]!, seeds.at[runs[i]!]!);
        return;
      }
    },
    present,
    presentShift,
    sizeBytes: 8 * words.length + 4 * starts.length + 8 * masses.length + 12 * n + 4 * runs.length + 4 * size + 4 * present.length,
  };
}
