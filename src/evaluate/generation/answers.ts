/** Short answers: the same, or how much of them. */
import { fMeasure, gramsOf, sharedGrams } from "./grams.ts";
import { meanMetric, type TextMetric } from "./metric.ts";

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

/** F1 of the tokens of an answer, beside the nearest reference. */
const f1Of = (name: string, tokens: (text: string) => readonly string[]): TextMetric =>
  meanMetric(name, (prediction, references) => {
    const mine = tokens(prediction);
    return Math.max(
      ...references.map(r => {
        const theirs = tokens(r);
        if (mine.length === 0 || theirs.length === 0) return mine.length === theirs.length ? 1 : 0;
        const hits = sharedGrams(gramsOf(mine, 1), gramsOf(theirs, 1));
        return fMeasure(hits / mine.length, hits / theirs.length);
      }),
    );
  });

/** Of normalised words (Rajpurkar et al. 2016). */
export const tokenF1 = f1Of("token-f1", text => normalisedAnswer(text).split(" ").filter(Boolean));

/** Of words as they are written, each mark a token of its own: for answers whose case and punctuation are what counts. */
export const casedTokenF1 = f1Of("token-f1-cased", text => text.match(/[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu) ?? []);

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

/**
 * Character error rate: edits that make the answers right, all together, for each character of the references (of each item the nearest one).
 * More than 1 where answers are much too long.
 */
export const characterErrorRate: TextMetric = {
  name: "cer",
  better: "lower",
  statistics(prediction, references) {
    const all = references.map(r => [levenshtein(prediction, r), [...r].length] as const);
    return Float64Array.from(all.reduce((best, one) => (one[0] < best[0] ? one : best)));
  },
  score: sums => (sums[0] === 0 ? 0 : sums[0]! / sums[1]!),
};
