/**
 * How much of a part of an item stands at one place of a document: the share of its words, by weight, that lie in runs of words which the
 * document has too, within a window a little longer than the part. Runs may come in any order and with anything in between, so edited,
 * shortened and interrupted copies are measured and not only found or not found. Idea: the weighted overlap of decon, told of words.
 */
import { type EvaluationIndex, gramAt } from "./evaluation-index.ts";

export interface Cover {
  /** From 0 to 1; exactly 1 when every word is covered. */
  readonly share: number;
  /** Words of the document that the matching runs span. */
  readonly from: number;
  readonly to: number;
  /** Words of the part before its first and behind its last that is covered. */
  readonly head: number;
  readonly tail: number;
}

export const noCover: Cover = { share: 0, from: 0, to: 0, head: 0, tail: 0 };

/** Words a window has beyond one and a half times the part. */
const slack = 8;
/** Words of a document in which a part of `length` words is looked for at once. */
export const windowOf = (length: number): number => Math.ceil(1.5 * length) + slack;

/** Measures parts; one a worker, for it keeps its working memory. */
export function coverer({ starts, words, weights, masses }: EvaluationIndex, gramWords: number) {
  let slots = new Int32Array(64);
  let next = new Int32Array(32);
  /** How many runs cover a word, and how often a run stands in the window. */
  let times = new Uint32Array(32);
  let inWindow = new Uint32Array(32);
  let loaded = -1;
  let [length, n, mask] = [0, 0, 0];

  /** The part's runs in a hash table; runs that are equal are chained. */
  const load = (part: number) => {
    if (part === loaded) return;
    loaded = part;
    const from = starts[part]!;
    length = starts[part + 1]! - from;
    n = Math.min(gramWords, length);
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, 2 * length)));
    mask = size - 1;
    if (slots.length < size) slots = new Int32Array(size);
    else slots.fill(0, 0, size);
    if (next.length < length) {
      next = new Int32Array(2 * length);
      [times, inWindow] = [new Uint32Array(2 * length), new Uint32Array(2 * length)];
    }
    // From the last on, so that a chain begins with the first.
    for (let g = length - n; g >= 0; g--) {
      const slot = find(gramAt(words, from + g, n), from);
      next[g] = slots[slot]! - 1;
      slots[slot] = g + 1;
    }
  };
  /** The slot of a run, or the free one where it would be. */
  const find = (hash: number, from: number): number => {
    let slot = hash & mask;
    while (slots[slot] !== 0 && gramAt(words, from + slots[slot]! - 1, n) !== hash) slot = (slot + 1) & mask;
    return slot;
  };

  /** The best window for `part` among the document's words from `begin` to before `end`. */
  return (part: number, text: Uint32Array, begin: number, end: number): Cover => {
    load(part);
    const from = starts[part]!;
    begin = Math.max(0, begin);
    end = Math.min(text.length, end);
    if (length === 0 || end - begin < n) return noCover;
    const [places, grams]: [number[], number[]] = [[], []];
    for (let i = begin; i + n <= end; i++) {
      const g = slots[find(gramAt(text, i, n), from)]! - 1;
      if (g < 0) continue;
      places.push(i);
      grams.push(g);
    }
    if (places.length === 0) return noCover;
    times.fill(0, 0, length);
    inWindow.fill(0, 0, length);
    let [weight, covered] = [0, 0];
    const change = (gram: number, by: 1 | -1) => {
      // Only the first of equal runs covers and only the last uncovers, so that heaps of them cost nothing.
      const before = inWindow[gram]!;
      inWindow[gram] = before + by;
      if (before !== 0 && before + by !== 0) return;
      for (let g = gram; g >= 0; g = next[g]!)
        for (let w = g; w < g + n; w++) {
          const before = times[w]!;
          times[w] = before + by;
          if (before === 0 || before + by === 0) {
            weight += by * weights[from + w]!;
            covered += by;
          }
        }
    };
    const width = windowOf(length);
    let [best, bestCovered, first, last] = [0, 0, 0, 0];
    for (let r = 0, l = 0; r < places.length; r++) {
      change(grams[r]!, 1);
      while (places[r]! + n - places[l]! > width) change(grams[l++]!, -1);
      // What stood before and adds nothing is no part of the copy.
      for (let before = weight; l < r; l++) {
        change(grams[l]!, -1);
        if (weight === before) continue;
        change(grams[l]!, 1);
        break;
      }
      if (weight > best) [best, bestCovered, first, last] = [weight, covered, l, r];
    }
    times.fill(0, 0, length);
    inWindow.fill(0, 0, length);
    for (let i = first; i <= last; i++) change(grams[i]!, 1);
    const head = times.findIndex(t => t > 0);
    const tail = length - 1 - times.subarray(0, length).findLastIndex(t => t > 0);
    return { share: bestCovered === length ? 1 : best / masses[part]!, from: places[first]!, to: places[last]! + n, head, tail };
  };
}
