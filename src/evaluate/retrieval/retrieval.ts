/**
 * How well a score ranks what answers a query: recall, discounted cumulative gain (Järvelin and Kekäläinen 2002), reciprocal rank. The same figures as those
 * of tasks, made of the scores of all candidates at once: each is its mean over the orders in which equal scores may stand.
 */
import { placeFigures, type RankedGain } from "./found.ts";
import { rankingOf } from "./rank.ts";

/** Candidates of one query. */
export interface Ranked {
  /** Greater is better. */
  readonly scores: ArrayLike<number>;
  /** What finding each is worth; 0 for one that does not answer. Never below 0. */
  readonly gains: ArrayLike<number>;
}

function foundOf({ scores, gains }: Ranked): readonly RankedGain[] {
  const answers = Array.from(gains, (gain, i) => [i, gain] as const).filter(([, gain]) => gain > 0);
  return rankingOf(Float64Array.from(scores), new Map(answers)).found;
}

/** Normalised discounted cumulative gain of the first k; 0 where nothing answers. */
export function ndcgAt(r: Ranked, k: number): number {
  const found = foundOf(r);
  return found.length === 0 ? 0 : placeFigures.ndcg(found, k);
}

/** Share of what answers that is among the first k; NaN where nothing answers. */
export const recallAt = (r: Ranked, k: number): number => placeFigures.recall(foundOf(r), k);

/** One over the place of the first that answers; 0 where nothing answers. */
export const reciprocalRank = (r: Ranked): number => placeFigures.mrr(foundOf(r), Number.POSITIVE_INFINITY);
