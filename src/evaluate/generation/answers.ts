/** Short answers: the same, or how much of them. */
import { fMeasure, gramsOf, shared } from "./grams.ts";
import { meanMetric } from "./metric.ts";

/** Lower case, without ASCII punctuation, English articles and white space but single blanks, as SQuAD's script normalises. */
export const normalisedAnswer = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[!-/:-@[-`{-~]/g, "")
    .replace(/(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu, " ")
    .split(/\s+/)
    .filter(Boolean)
    .join(" ");

/** Share of answers that are a reference to the letter. */
export const exactMatch = meanMetric("exact-match", (prediction, references) => (references.includes(prediction) ? 1 : 0));

/** Share of answers that are a reference once both are normalised. */
export const normalisedMatch = meanMetric("normalised-match", (prediction, references) => {
  const mine = normalisedAnswer(prediction);
  return references.some(r => normalisedAnswer(r) === mine) ? 1 : 0;
});

/** F1 of the words of an answer, beside the nearest reference (Rajpurkar et al. 2016). */
export const tokenF1 = meanMetric("token-f1", (prediction, references) => {
  const words = (text: string) => normalisedAnswer(text).split(" ").filter(Boolean);
  const mine = words(prediction);
  return Math.max(
    ...references.map(r => {
      const theirs = words(r);
      if (mine.length === 0 || theirs.length === 0) return mine.length === theirs.length ? 1 : 0;
      const hits = shared(gramsOf(mine, 1), gramsOf(theirs, 1));
      return fMeasure(hits / mine.length, hits / theirs.length);
    }),
  );
});

/** Characters (code points) to put in, take out or change so that one text becomes the other (Levenshtein 1966). */
export function levenshtein(first: string, second: string): number {
  const [a, b] = [[...first], [...second]];
  let row = Uint32Array.from({ length: b.length + 1 }, (_, j) => j);
  let above = new Uint32Array(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    [row, above] = [above, row];
    row[0] = i;
    for (let j = 1; j <= b.length; j++) row[j] = Math.min(above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1), above[j]! + 1, row[j - 1]! + 1);
  }
  return row[b.length]!;
}

/** 1 minus the edit distance over the longer length, beside the nearest reference; 1 for two empty texts. */
export const editSimilarity = meanMetric("edit-similarity", (prediction, references) =>
  Math.max(...references.map(r => 1 - levenshtein(prediction, r) / Math.max(1, [...prediction].length, [...r].length))),
);
