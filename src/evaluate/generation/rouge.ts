/**
 * ROUGE (Lin 2004) as rouge-score 0.1.2 computes it without stemming: lower case, words of a-z and 0-9; F1 of each item, the best reference
 * where there are several; the figure is the mean.
 */
import { fMeasure, gramsOf, sharedGrams } from "./grams.ts";
import { meanMetric, type TextMetric } from "./metric.ts";

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

/** Lengths of the longest common subsequences of all beginnings: `[i * (b.length + 1) + j]`. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint32Array {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++)
      table[i * width + j] =
        a[i - 1] === b[j - 1] ? table[(i - 1) * width + j - 1]! + 1 : Math.max(table[(i - 1) * width + j]!, table[i * width + j - 1]!);
  return table;
}

/** Places in `a` of one longest common subsequence. */
function commonPlaces(a: readonly string[], b: readonly string[]): number[] {
  const width = b.length + 1;
  const table = commonLengths(a, b);
  const places: number[] = [];
  for (let i = a.length, j = b.length; i > 0 && j > 0; ) {
    if (a[i - 1] === b[j - 1]) {
      places.push(--i);
      j--;
    } else if (table[i * width + j - 1]! > table[(i - 1) * width + j]!) j--;
    else i--;
  }
  return places;
}

const f1 = (hits: number, predicted: number, reference: number): number =>
  predicted === 0 || reference === 0 ? 0 : fMeasure(hits / predicted, hits / reference);

const best = (name: string, value: (prediction: string, reference: string) => number): TextMetric =>
  meanMetric(name, (prediction, references) => Math.max(...references.map(r => value(prediction, r))));

const rougeN = (n: number): TextMetric =>
  best(`rouge${n}`, (prediction, reference) => {
    const [mine, theirs] = [wordsOf(prediction), wordsOf(reference)];
    return f1(sharedGrams(gramsOf(mine, n), gramsOf(theirs, n)), mine.length - n + 1, theirs.length - n + 1);
  });

export const rouge1 = rougeN(1);
export const rouge2 = rougeN(2);

export const rougeL = best("rougeL", (prediction, reference) => {
  const [mine, theirs] = [wordsOf(prediction), wordsOf(reference)];
  return f1(commonLengths(theirs, mine).at(-1)!, mine.length, theirs.length);
});

/** By lines, as summaries have one sentence a line: of each reference line, what any predicted line has in common with it. */
export const rougeLsum = best("rougeLsum", (prediction, reference) => {
  const lines = (text: string) =>
    text
      .split("\n")
      .map(wordsOf)
      .filter(l => l.length > 0);
  const [mine, theirs] = [lines(prediction), lines(reference)];
  const left = [mine, theirs].map(side => new Map(gramsOf(side.flat(), 1)));
  let hits = 0;
  for (const line of theirs) {
    const places = new Set(mine.flatMap(other => commonPlaces(line, other)));
    for (const place of places) {
      const word = line[place]!;
      if (!left.every(l => (l.get(word) ?? 0) > 0)) continue;
      for (const l of left) l.set(word, l.get(word)! - 1);
      hits++;
    }
  }
  return f1(hits, mine.flat().length, theirs.flat().length);
});
