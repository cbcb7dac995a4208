/**
 * How alike each test text is to the training text that is most like it: Jaccard similarity of their words, repeated ones counted, as the split compares
 * short texts. Exact, by counting common words through an inverted list.
 */

/** How often each word stands in a text. */
function wordCounts(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
const sizeOf = (counts: ReadonlyMap<string, number>): number => {
  let size = 0;
  for (const n of counts.values()) size += n;
  return size;
};

/** Of each test text, 0 (no word in common with any training text) to 1. Memory: 8 bytes a distinct word of each training text. */
export function nearestTrain(train: readonly string[], test: readonly string[]): Float64Array {
  const asked = test.map(wordCounts);
  const wanted = new Set(asked.flatMap(counts => [...counts.keys()]));
  /** Of a word, training texts and how often it stands there, in turn. */
  const postings = new Map<string, number[]>();
  const sizes = new Uint32Array(train.length);
  for (const [t, text] of train.entries()) {
    const counts = wordCounts(text);
    sizes[t] = sizeOf(counts);
    for (const [word, n] of counts) {
      if (!wanted.has(word)) continue;
      const list = postings.get(word);
      if (list) list.push(t, n);
      else postings.set(word, [t, n]);
    }
  }
  const common = new Uint32Array(train.length);
  return Float64Array.from(asked, counts => {
    const size = sizeOf(counts);
    common.fill(0);
    for (const [word, n] of counts) {
      const list = postings.get(word) ?? [];
      for (let k = 0; k < list.length; k += 2) common[list[k]!]! += Math.min(n, list[k + 1]!);
    }
    let best = 0;
    for (let t = 0; t < train.length; t++) {
      const both = common[t]!;
      if (both > 0) best = Math.max(best, both / (size + sizes[t]! - both));
    }
    return best;
  });
}

/** Where bands of similarity begin; from `likeFrom` on a text is called a near copy, as the split calls it. */
export const likeFrom = 0.7;
const bandsFrom: readonly number[] = [0, 0.3, 0.5, likeFrom];

export interface SimilarityBand {
  readonly from: number;
  readonly to: number;
  readonly texts: number;
  /** Share of them that the model has right; NaN where there are none. */
  readonly accuracy: number;
}

/** Scores by how near the nearest training text is. */
export const bandsOf = (nearest: ArrayLike<number>, isRight: (text: number) => boolean): SimilarityBand[] =>
  bandsFrom.map((from, b) => {
    const next = bandsFrom[b + 1];
    const to = next ?? 1;
    const own = Array.from(nearest, (_, i) => i).filter(i => nearest[i]! >= from && (next === undefined || nearest[i]! < next));
    return { from, to, texts: own.length, accuracy: own.filter(isRight).length / own.length };
  });
