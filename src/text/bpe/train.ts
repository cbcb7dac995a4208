/**
 * Trains byte-pair merges on counted words (Sennrich et al. 2016), incrementally: every pair knows its count and where it stands, so a
 * merge touches only the places it changes. Merges come out in the order of Hugging Face's trainer: the greatest count first, ties by
 * the lesser ids. Left out: dropout, length limits, subword prefixes.
 */

import { PairQueue, Pairs } from "./pairs.ts";
import type { MergeRule } from "./ranks.ts";
import type { WordCounts } from "./words.ts";

interface MergeTraining {
  /** Id of every byte. */
  readonly byteIds: ArrayLike<number>;
  /** Id of the first merged token; further ones follow. */
  readonly firstId: number;
  readonly numMerges: number;
  /** Pairs that occur less often are not merged. */
  readonly minFrequency: number;
  /** Whether a pair may be merged; one that may not is passed over for good. */
  readonly allows?: (left: number, right: number, merged: number) => boolean;
  /** Called now and then with the number of merges so far. */
  readonly onProgress?: (numMerges: number) => void;
}

const GAP = -1; // before, between and after words
const INNER = -2; // second and further bytes of a token

/** Merge rules in order; fewer than asked for where the corpus has no further pair that is frequent enough. */
export function trainMerges(words: WordCounts, options: MergeTraining): MergeRule[] {
  const { starts, counts, arena } = words;
  // Position p holds the id of the token that starts there; `length[p]` and `length[last byte]` hold its bytes, so both neighbours
  // are a step away. A word of n bytes fills n positions, with a gap after it.
  const numPositions = 1 + starts[words.size]! + words.size;
  const symbol = new Int32Array(numPositions).fill(GAP);
  const length = new Int32Array(numPositions).fill(1);
  const wordAt = new Int32Array(numPositions);
  const pairs = new Pairs();
  const queue = new PairQueue(pairs);

  for (let w = 0, p = 1; w < words.size; w++, p++) {
    for (let i = starts[w]!; i < starts[w + 1]!; i++, p++) {
      symbol[p] = options.byteIds[arena[i]!]!;
      wordAt[p] = w;
    }
  }
  // Occurrences of the merge under way: pairs touched, and for each its new positions in order.
  let touched = new Int32Array(1 << 16);
  let places = new Int32Array(1 << 16);
  let numTouched = 0;
  const touch = (pair: number, place: number, weight: number): void => {
    if (numTouched === touched.length) {
      const grown = new Int32Array(numTouched * 2);
      grown.set(touched);
      touched = grown;
      const more = new Int32Array(numTouched * 2);
      more.set(places);
      places = more;
    }
    touched[numTouched] = pair;
    places[numTouched++] = place;
    pairs.count[pair]! += weight;
  };
  /** Hands the touched positions to their pairs and queues those pairs. */
  let added = new Int32Array(1 << 14);
  const settle = (): void => {
    if (added.length < pairs.size) added = new Int32Array(pairs.left.length);
    const fresh: number[] = [];
    for (let i = 0; i < numTouched; i++) {
      const pair = touched[i]!;
      if (added[pair]!++ === 0) fresh.push(pair);
    }
    for (const pair of fresh) added[pair] = pairs.extend(pair, added[pair]!);
    for (let i = 0; i < numTouched; i++) pairs.arena[added[touched[i]!]!++] = places[i]!;
    for (const pair of fresh) {
      added[pair] = 0;
      queue.push(pair);
    }
    numTouched = 0;
  };

  for (let p = 1; p + 1 < numPositions; p++) {
    if (symbol[p]! >= 0 && symbol[p + 1]! >= 0) touch(pairs.at(symbol[p]!, symbol[p + 1]!), p, counts[wordAt[p]!]!);
  }
  settle();

  const rules: MergeRule[] = [];
  while (rules.length < options.numMerges) {
    const pair = queue.pop();
    if (pair < 0 || pairs.count[pair]! < options.minFrequency) break;
    const left = pairs.left[pair]!;
    const right = pairs.right[pair]!;
    const merged = options.firstId + rules.length;
    if (options.allows && !options.allows(left, right, merged)) {
      pairs.count[pair] = 0;
      continue;
    }
    rules.push({ left, right, merged });
    const from = pairs.from[pair]!;
    const to = from + pairs.num[pair]!;
    for (let i = from; i < to; i++) {
      const p = pairs.arena[i]!;
      if (symbol[p] !== left) continue; // merged into something else since
      const q = p + length[p]!;
      if (symbol[q] !== right) continue;
      const weight = counts[wordAt[p]!]!;
      if (symbol[p - 1] !== GAP) {
        const before = p - length[p - 1]!;
        pairs.count[pairs.at(symbol[before]!, left)]! -= weight;
        touch(pairs.at(symbol[before]!, merged), before, weight);
      }
      const after = q + length[q]!;
      if (symbol[after] !== GAP) {
        pairs.count[pairs.at(right, symbol[after]!)]! -= weight;
        touch(pairs.at(merged, symbol[after]!), p, weight);
      }
      symbol[p] = merged;
      symbol[q] = INNER;
      length[p] = length[after - 1] = after - p;
    }
    pairs.count[pair] = 0;
    pairs.num[pair] = 0;
    settle();
    if (rules.length % 256 === 0) options.onProgress?.(rules.length);
  }
  return rules;
}
