/**
 * chrF and chrF++ of a corpus (Popovic 2015, 2017) as sacrebleu 2 computes them: characters up to six without white space, for ++ words up to
 * two with signs cut off; recall counts twice; orders that one side lacks are left out; of several references the best one counts.
 */
import { fMeasure, type Grams, gramsOf, sharedGrams } from "./grams.ts";
import type { TextMetric } from "./metric.ts";

const characterOrders = 6;
const beta = 2;
const sign = /^[!-/:-@[-`{-~]$/;

/** Words, a sign before or behind one apart from it. */
function wordsOf(text: string): string[] {
  return text
    .split(/\s+/)
    .filter(Boolean)
    .flatMap(word => {
      const characters = [...word];
      if (characters.length === 1) return [word];
      if (sign.test(characters.at(-1)!)) return [characters.slice(0, -1).join(""), characters.at(-1)!];
      if (sign.test(characters[0]!)) return [characters[0]!, characters.slice(1).join("")];
      return [word];
    });
}

function allGrams(text: string, wordOrders: number): Grams[] {
  const characters = [...text.replace(/\s+/g, "")];
  const words = wordOrders > 0 ? wordsOf(text) : [];
  return [
    ...Array.from({ length: characterOrders }, (_, i) => gramsOf(characters, i + 1)),
    ...Array.from({ length: wordOrders }, (_, i) => gramsOf(words, i + 1)),
  ];
}

const count = (grams: Grams): number => {
  let sum = 0;
  for (const n of grams.values()) sum += n;
  return sum;
};

/** Sums: for each order, grams of the prediction, of the reference, and shared ones. */
function scoreOf(sums: Float64Array): number {
  let [precision, recall, orders] = [0, 0, 0];
  for (let i = 0; i < sums.length; i += 3) {
    if (sums[i] === 0 || sums[i + 1] === 0) continue;
    precision += sums[i + 2]! / sums[i]!;
    recall += sums[i + 2]! / sums[i + 1]!;
    orders++;
  }
  return orders === 0 ? 0 : fMeasure(precision / orders, recall / orders, beta);
}

const chrfOf = (name: string, wordOrders: number): TextMetric => ({
  name,
  statistics(prediction, references) {
    const mine = allGrams(prediction, wordOrders);
    const candidates = references.map(reference => {
      const theirs = allGrams(reference, wordOrders);
      return Float64Array.from(mine.flatMap((grams, i) => [count(grams), count(theirs[i]!), sharedGrams(grams, theirs[i]!)]));
    });
    return candidates.reduce((best, c) => (scoreOf(c) > scoreOf(best) ? c : best));
  },
  score: scoreOf,
});

export const chrf = chrfOf("chrf", 0);
export const chrfPlusPlus = chrfOf("chrf++", 2);
