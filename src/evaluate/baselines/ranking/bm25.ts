/**
 * BM25 (Robertson and Zaragoza 2009, section 3), as Lucene has it: a word of the query adds ln(1 + (N - n + 0.5) / (n + 0.5)) * f / (f + k1 (1 - b + b l / L)),
 * n of N documents having it, f times in this one, which is l words long and L on average. A word that the query has twice counts twice.
 */
import { searchWords } from "./words.ts";

export interface Bm25Options {
  readonly k1: number;
  readonly b: number;
}

/** Where a word stands: documents, and how often in each. */
interface Postings {
  readonly documents: number[];
  readonly counts: number[];
}

/** Prepares documents; what is given scores all of them for a query, 0 where they share no word. */
export function bm25(documents: readonly string[], { k1, b }: Bm25Options): (query: string) => Float64Array {
  const index = new Map<string, Postings>();
  const lengths = documents.map((text, d) => {
    const words = searchWords(text);
    for (const word of words) {
      const postings = index.get(word) ?? { documents: [], counts: [] };
      if (postings.documents.length === 0) index.set(word, postings);
      if (postings.documents.at(-1) === d) postings.counts[postings.counts.length - 1]!++;
      else {
        postings.documents.push(d);
        postings.counts.push(1);
      }
    }
    return words.length;
  });
  const all = documents.length;
  const mean = lengths.reduce((sum, l) => sum + l, 0) / all || 1;
  return query => {
    const scores = new Float64Array(all);
    for (const word of searchWords(query)) {
      const postings = index.get(word);
      if (!postings) continue;
      const having = postings.documents.length;
      const rarity = Math.log(1 + (all - having + 0.5) / (having + 0.5));
      for (const [i, d] of postings.documents.entries()) {
        const count = postings.counts[i]!;
        scores[d]! += (rarity * count) / (count + k1 * (1 - b + (b * lengths[d]!) / mean));
      }
    }
    return scores;
  };
}
