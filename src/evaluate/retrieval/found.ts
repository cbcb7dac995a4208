/**
 * A query's ranking by where the documents that answer it stand, which is all that measures of rankings need: recall, precision, discounted gain, reciprocal
 * rank, average precision, at any k. Documents with one score share their places: gains count the mean of their discounts, and a place that is asked for
 * as such (reciprocal rank, average precision, a hit) is the last of them, as scikit-learn has it. So the order of the corpus decides nothing.
 */

/** What finding a document is worth (above 0), how many documents stand before it, and how many share its score, itself too. */
export type Found = readonly [gain: number, before: number, tied: number];

/** The place that a document has for sure, from 1. */
export const lastPlace = ([, before, tied]: Found): number => before + tied;

const discount = (place: number): number => 1 / Math.log2(place + 2);

/** Mean of the discounts of the places that a document shares, those from k on being worth nothing. */
function sharedDiscount([, before, tied]: Found, k: number): number {
  let sum = 0;
  for (let place = before; place < Math.min(before + tied, k); place++) sum += discount(place);
  return sum / tied;
}

/** The share of a document's places that is among the first k. */
const within = ([, before, tied]: Found, k: number): number => Math.min(1, Math.max(0, (k - before) / tied));

const sumOf = (found: readonly Found[], value: (f: Found) => number): number => found.reduce((sum, f) => sum + value(f), 0);

/** The first place of sure that something has; infinite where there is nothing. */
const firstPlace = (found: readonly Found[]): number => found.reduce((first, f) => Math.min(first, lastPlace(f)), Number.POSITIVE_INFINITY);

/** Average precision of the first k places over all that answers. */
function averagePrecision(found: readonly Found[], k: number): number {
  const places = found.map(lastPlace).sort((a, b) => a - b);
  let sum = 0;
  for (const [i, place] of places.entries()) {
    if (place > k) break;
    // those that share the place are all found there
    let count = i + 1;
    while (places[count] === place) count++;
    sum += count / place;
  }
  return sum / places.length;
}

function ndcg(found: readonly Found[], k: number): number {
  const best = found
    .map(f => f[0])
    .sort((a, b) => b - a)
    .slice(0, k);
  return sumOf(found, f => f[0] * sharedDiscount(f, k)) / best.reduce((sum, gain, place) => sum + gain * discount(place), 0);
}

/** Measures of the first k places of one query; `found` holds a document or more. Adding one is a row. */
export const placeFigures = {
  ndcg,
  recall: (found, k) => sumOf(found, f => within(f, k)) / found.length,
  precision: (found, k) => sumOf(found, f => within(f, k)) / k,
  mrr: (found, k) => (firstPlace(found) <= k ? 1 / firstPlace(found) : 0),
  map: averagePrecision,
  hit: (found, k) => Number(firstPlace(found) <= k),
} as const satisfies Record<string, (found: readonly Found[], k: number) => number>;
export type PlaceFigure = keyof typeof placeFigures;
