/** How like two texts are: by their words, by an embedder. And what a paraphrase must not lose: numbers and addresses. */
import { jaccard, shingles } from "../steps/near-duplicates/index.ts";

/** Jaccard similarity of word n-gram sets, 0 where a text has fewer words. */
export const wordSimilarity = (a: string, b: string, words: number): number => jaccard(shingles(a, words), shingles(b, words));

/** Share of word triples that stood before: what a model that has got stuck writes. */
export function repetition(text: string): number {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const triples = new Set<string>();
  for (let i = 2; i < words.length; i++) triples.add(`${words[i - 2]} ${words[i - 1]} ${words[i]}`);
  return words.length < 3 ? 0 : 1 - triples.size / (words.length - 2);
}

/** Cosine of vectors of length 1. */
export function cosineOfFloats(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Numbers (without separators), addresses and URLs of a text. */
export function textFacts(text: string): Set<string> {
  const facts = new Set<string>();
  for (const [run] of text.matchAll(/[^\s<>()"'“”]+/gu)) {
    const plain = run.replace(/[.,;:!?]+$/, "");
    if (/@|:\/\/|^www\./i.test(plain)) facts.add(plain.toLowerCase());
    else for (const [n] of plain.matchAll(/\d+(?:[.,]\d+)*/g)) facts.add(n.replaceAll(",", ""));
  }
  return facts;
}
