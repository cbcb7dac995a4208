/**
 * Which texts of a pool are labelled next: those whose two likeliest classes are closest together (breaking ties, Luo et al. 2005; tuned
 * transformers learn more by it than by entropy, Schröder et al. 2022), and of near-duplicates one, since the second teaches little. Pure.
 */

/** How far the likeliest class is ahead of the next: 0 where the model cannot tell them apart, 1 where it is sure. */
export function marginOf(probabilities: readonly number[]): number {
  let [first, second] = [0, 0];
  for (const p of probabilities)
    if (p > first) [first, second] = [p, first];
    else if (p > second) second = p;
  return first - second;
}

export interface PoolText {
  readonly id: string;
  /** What it is a near-duplicate of has the same number. */
  readonly group: number;
}

interface PoolState {
  /** People who have labelled a text. */
  votesOf(id: string): number;
  /** Undefined where the model has not been asked yet. */
  marginOf(id: string): number | undefined;
}

/**
 * The texts of `open`, all of them, the next one first: what others have labelled (agreement is of texts that several saw); what the model has been
 * asked about, least margin first; what it has not; and last the near-duplicates of what comes before them or is labelled. What is alike stays in its order.
 */
export function poolOrder<T extends PoolText>(open: readonly T[], labelled: Iterable<PoolText>, state: PoolState): T[] {
  const seen = new Set<number>();
  for (const { group } of labelled) seen.add(group);
  const keys = open.map((text, at) => ({
    text,
    at,
    votes: state.votesOf(text.id),
    margin: state.marginOf(text.id) ?? Number.POSITIVE_INFINITY,
  }));
  // two infinities have no difference
  keys.sort((a, b) => b.votes - a.votes || (a.margin === b.margin ? a.at - b.at : a.margin - b.margin));
  const [first, repeated]: [T[], T[]] = [[], []];
  for (const { text, votes } of keys) {
    const isRepeated = votes === 0 && seen.has(text.group);
    seen.add(text.group);
    (isRepeated ? repeated : first).push(text);
  }
  return [...first, ...repeated];
}
