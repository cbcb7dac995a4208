/**
 * How alike each test text is to the training text that is most like it: Jaccard similarity of their sets of words, exact, by counting common words through
 * an inverted list. Sets of single words see a copy with one word changed also where a text is too short for shingles of several words.
 */
const wordSet = (text: string): Set<string> => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);

/** Of each test text, 0 (no word in common with any training text) to 1. Memory: 4 bytes a distinct word of each training text. */
export function nearestTrain(train: readonly string[], test: readonly string[]): Float64Array {
  const wanted = new Set(test.flatMap(t => [...wordSet(t)]));
  const postings = new Map<string, number[]>();
  const sizes = new Uint32Array(train.length);
  for (const [t, text] of train.entries()) {
    const words = wordSet(text);
    sizes[t] = words.size;
    for (const w of words) {
      if (!wanted.has(w)) continue;
      const list = postings.get(w);
      if (list) list.push(t);
      else postings.set(w, [t]);
    }
  }
  const common = new Uint32Array(train.length);
  return Float64Array.from(test, text => {
    const words = wordSet(text);
    common.fill(0);
    for (const w of words) for (const t of postings.get(w) ?? []) common[t]!++;
    let best = 0;
    for (let t = 0; t < train.length; t++) {
      const both = common[t]!;
      if (both > 0) best = Math.max(best, both / (words.size + sizes[t]! - both));
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
