/**
 * Texts at hand that others are held against: the comparison of the split, for those who have no split (variants, trials, validation files). By shingles, and two
 * short texts by their single words too. Exact (no bands). Memory: 8 bytes a shingle and a rare word, twice that while they are gathered.
 */
import { shingles } from "./shingles.ts";
import { bagSimilarity, countWords, emptyCounts, rarestWords, type WordCountBytes, wordBag } from "./short-texts.ts";

export interface LikeOptions {
  /** Words a shingle. */
  readonly words: number;
  /** Jaccard similarity from which two texts are alike. */
  readonly threshold: number;
  /** Texts of at most this many words are compared by their single words too; 0: none. */
  readonly shortWords: number;
  /** Similarity of single words from which two short texts are alike; `threshold` when absent. */
  readonly wordThreshold?: number;
}
/** Those of a split that says nothing else. */
export const likeDefaults: LikeOptions = { words: 5, threshold: 0.7, shortWords: 60 };

export interface Like {
  /** Place of the text that is like it. */
  readonly text: number;
  readonly similarity: number;
}
export interface LikeIndex {
  readonly size: number;
  /** Before the first question. */
  add(text: string): void;
  /** One of the texts that is like this one; undefined where none is. By words one of those that `among` takes. */
  like(text: string, among?: (place: number) => boolean): Like | undefined;
}

/** Texts that an index takes. */
export const mostIndexed = 2 ** 21;

/** A key of 32 bits and a text's place in one number: 53 bits are what a float holds exactly. */
class Postings {
  #pairs = new Float64Array(4096);
  #length = 0;
  #isSorted = false;
  /** Most keys are turned away by their upper bits, before the search. */
  readonly #present = new Uint8Array(2 ** 22);

  add(keys: Uint32Array, place: number): void {
    if (this.#length + keys.length > this.#pairs.length) {
      const more = new Float64Array(Math.max(2 * this.#pairs.length, this.#length + keys.length));
      more.set(this.#pairs);
      this.#pairs = more;
    }
    for (const key of keys) {
      this.#pairs[this.#length++] = key * mostIndexed + place;
      this.#present[key >>> 10] = 1;
    }
  }
  *placesOf(key: number): Generator<number> {
    if (!this.#isSorted) this.#pairs = this.#pairs.slice(0, this.#length).sort();
    this.#isSorted = true;
    if (this.#present[key >>> 10] === 0) return;
    const from = key * mostIndexed;
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pairs[middle]! < from) low = middle + 1;
      else high = middle;
    }
    for (; low < this.#length && this.#pairs[low]! < from + mostIndexed; low++) yield this.#pairs[low]! - from;
  }
}

type Way = Pick<LikeIndex, "add" | "like">;

/** Alike by shingles. */
function byShingles({ words, threshold }: LikeOptions): Way {
  const postings = new Postings();
  const sizes: number[] = [];
  return {
    add(text) {
      const own = shingles(text, words);
      postings.add(own, sizes.length);
      sizes.push(own.length);
    },
    like(text) {
      const own = shingles(text, words);
      const common = new Map<number, number>();
      for (const s of own) for (const place of postings.placesOf(s)) common.set(place, (common.get(place) ?? 0) + 1);
      for (const [place, both] of common) {
        const similarity = both / (own.length + sizes[place]! - both);
        if (similarity >= threshold) return { text: place, similarity };
      }
      return undefined;
    },
  };
}

/** Alike by single words: two that are share one of the words that are rarest among the indexed ones. */
function byWords({ shortWords, threshold: ofShingles, wordThreshold: threshold = ofShingles }: LikeOptions): Way {
  const bags: Uint32Array[] = [];
  let sealed: { readonly counts: WordCountBytes; readonly postings: Postings } | undefined;
  const seal = () => {
    const counts = emptyCounts(bags.reduce((n, bag) => n + bag.length, 0));
    for (const bag of bags) countWords(bag, counts);
    const postings = new Postings();
    for (const [i, bag] of bags.entries()) if (bag.length > 0) postings.add(rarestWords(bag, threshold, counts), i);
    return { counts, postings };
  };
  return {
    add(text) {
      bags.push(wordBag(text, shortWords));
    },
    like(text, among = () => true) {
      sealed ??= seal();
      const own = wordBag(text, shortWords);
      if (own.length === 0) return undefined;
      const seen = new Set<number>();
      for (const word of rarestWords(own, threshold, sealed.counts))
        for (const place of sealed.postings.placesOf(word)) {
          if (seen.has(place) || !among(place)) continue;
          seen.add(place);
          const similarity = bagSimilarity(own, bags[place]!, threshold);
          if (similarity !== undefined) return { text: place, similarity };
        }
      return undefined;
    },
  };
}

/** An index of at most `mostIndexed` texts. */
export function likeIndex(texts: Iterable<string> = [], o: LikeOptions = likeDefaults): LikeIndex {
  const ways = [byShingles(o), ...(o.shortWords > 0 ? [byWords(o)] : [])];
  let size = 0;
  const add = (text: string) => {
    for (const way of ways) way.add(text);
    size++;
  };
  for (const text of texts) add(text);
  return {
    get size() {
      return size;
    },
    add,
    like(text, among) {
      for (const way of ways) {
        const found = way.like(text, among);
        if (found) return found;
      }
      return undefined;
    },
  };
}
