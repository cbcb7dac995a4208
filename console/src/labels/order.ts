/** Which text comes next: what the model is least sure of (entropy of its probabilities; Lewis and Gale 1994 by margin of two). Pure. */

/** Nats; 0 where it is sure, ln(classes) where it knows nothing. */
export const entropy = (probabilities: readonly number[]): number =>
  probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);

/** Indices, the least sure first; those that are alike stay in their order, and those that the model was not asked come last. */
export function leastSureFirst(probabilities: readonly (readonly number[] | null)[]): number[] {
  const of = probabilities.map(p => (p === null ? Number.NEGATIVE_INFINITY : entropy(p)));
  return probabilities.map((_, i) => i).sort((a, b) => (of[a] === of[b] ? a - b : of[b]! - of[a]!));
}

/** Keys of the classes, under the fingers of the home row; none that opens a page. */
export const classKeys = ["a", "s", "d", "f", "g", "h", "j", "k", "l"] as const;
