/**
 * How well a score ranks what answers a query: recall, discounted cumulative gain (Järvelin and Kekäläinen 2002), reciprocal rank. Candidates with equal
 * scores share their places: a gain counts the mean of the discounts of all of them, as scikit-learn's `ndcg_score` has it, so the order in which
 * candidates happen to lie decides nothing.
 */

/** Candidates of one query. */
export interface Ranked {
  /** Greater is better. */
  readonly scores: ArrayLike<number>;
  /** What finding each is worth; 0 for one that does not answer. Never below 0. */
  readonly gains: ArrayLike<number>;
}

const discount = (place: number): number => 1 / Math.log2(place + 2);

/** Groups of candidates with one score, best first, as the places that they share. */
function* tied(scores: ArrayLike<number>): Generator<{ readonly members: readonly number[]; readonly from: number }> {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) to++;
    yield { members: order.slice(from, to), from };
  }
}

/** Sum over the first k places of a value of each place times the mean gain of those that share it. */
function overPlaces({ scores, gains }: Ranked, k: number, value: (place: number) => number): number {
  let total = 0;
  for (const { members, from } of tied(scores)) {
    if (from >= k) break;
    const gain = members.reduce((s, i) => s + gains[i]!, 0) / members.length;
    for (let place = from; place < Math.min(from + members.length, k); place++) total += gain * value(place);
  }
  return total;
}

/** Normalised discounted cumulative gain of the first k; 0 where nothing answers. */
export function ndcgAt(r: Ranked, k: number): number {
  const best = overPlaces({ scores: r.gains, gains: r.gains }, k, discount);
  return best === 0 ? 0 : overPlaces(r, k, discount) / best;
}

/** Share of what answers that is among the first k; NaN where nothing answers. */
export function recallAt({ scores, gains }: Ranked, k: number): number {
  const answers = Float64Array.from(gains, g => (g > 0 ? 1 : 0));
  return overPlaces({ scores, gains: answers }, k, () => 1) / answers.reduce((a, b) => a + b, 0);
}

/** One over the place of the first that answers, those that share a score all standing at the last of their places; 0 where nothing answers. */
export function reciprocalRank({ scores, gains }: Ranked): number {
  for (const { members, from } of tied(scores)) if (members.some(i => gains[i]! > 0)) return 1 / (from + members.length);
  return 0;
}
