/**
 * A query's ranking by where the documents that answer it stand, which is all that measures of rankings need. Documents with one score may stand in any order,
 * and each measure is its mean over these orders (McSherry and Najork, Computing information retrieval performance measures efficiently in the presence of
 * tied scores, ECIR 2008). So the order of the corpus decides nothing, and a ranker that tells nothing apart is worth what chance is.
 */

/** What finding a document is worth (above 0), how many documents stand before it, and how many share its score, itself too. */
export type RankedGain = readonly [gain: number, before: number, tied: number];

/** Documents with one score that answer: how many of those that share it, and how many answers stand before them. */
interface Tie {
  readonly answers: number;
  readonly answersBefore: number;
  readonly before: number;
  readonly tied: number;
}

function tiesOf(found: readonly RankedGain[]): Tie[] {
  const counts = new Map<number, Tie>();
  for (const [, before, tied] of found)
    counts.set(before, { answers: (counts.get(before)?.answers ?? 0) + 1, answersBefore: 0, before, tied });
  let answersBefore = 0;
  return [...counts.values()]
    .sort((a, b) => a.before - b.before)
    .map(tie => {
      const own = { ...tie, answersBefore };
      answersBefore += tie.answers;
      return own;
    });
}

const discount = (place: number): number => 1 / Math.log2(place + 2);

/** Mean of the discounts of the places that a document may have, those from k on being worth nothing. */
function meanDiscount([, before, tied]: RankedGain, k: number): number {
  let sum = 0;
  for (let place = before; place < Math.min(before + tied, k); place++) sum += discount(place);
  return sum / tied;
}

/** How likely a document is among the first k. */
const within = ([, before, tied]: RankedGain, k: number): number => Math.min(1, Math.max(0, (k - before) / tied));

const sumOf = (found: readonly RankedGain[], value: (f: RankedGain) => number): number => found.reduce((sum, f) => sum + value(f), 0);

/** The sum, over the places from 1 to k that the first answer may have, of how likely it has the place times what that is worth. */
function overFirst(found: readonly RankedGain[], k: number, worth: (place: number) => number): number {
  const [tie] = tiesOf(found);
  if (!tie) return 0;
  const { answers, before, tied } = tie;
  let [sum, chance] = [0, answers / tied];
  for (let i = 1; i <= tied - answers + 1 && before + i <= k; i++) {
    sum += chance * worth(before + i);
    // from "the first of them is the i-th" to "the next one is"
    chance *= (tied - i - answers + 1) / (tied - i);
  }
  return sum;
}

/** Mean precision at the places of all that answers, those from k on counting 0. */
function averagePrecision(found: readonly RankedGain[], k: number): number {
  let sum = 0;
  for (const { answers, answersBefore, before, tied } of tiesOf(found))
    for (let i = 1; i <= tied && before + i <= k; i++) {
      const earlier = tied > 1 ? ((i - 1) * (answers - 1)) / (tied - 1) : 0;
      sum += ((answers / tied) * (answersBefore + earlier + 1)) / (before + i);
    }
  return sum / found.length;
}

/** Gains count as they are, not as powers of 2: trec_eval's and scikit-learn's form. */
function ndcg(found: readonly RankedGain[], k: number): number {
  const gains = found.map(f => f[0]).sort((a, b) => b - a);
  const best = gains.slice(0, k).reduce((sum, gain, place) => sum + gain * discount(place), 0);
  return sumOf(found, f => f[0] * meanDiscount(f, k)) / best;
}

/** Measures of the first k places of one query that something answers. Adding one is a row. */
export const placeFigures = {
  ndcg,
  recall: (found, k) => sumOf(found, f => within(f, k)) / found.length,
  precision: (found, k) => sumOf(found, f => within(f, k)) / k,
  mrr: (found, k) => overFirst(found, k, place => 1 / place),
  map: averagePrecision,
  hit: (found, k) => overFirst(found, k, () => 1),
} as const satisfies Record<string, (found: readonly RankedGain[], k: number) => number>;
export type PlaceFigure = keyof typeof placeFigures;
