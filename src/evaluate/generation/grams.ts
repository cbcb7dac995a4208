/** n-grams of a sequence with their counts, and what two such lists share. */
export type Grams = ReadonlyMap<string, number>;

/** Runs of n neighbours, joined by a sign that no token holds. */
export function gramsOf(tokens: readonly string[], n: number): Grams {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= tokens.length; i++) {
    const gram = n === 1 ? tokens[i]! : tokens.slice(i, i + n).join("\u0001");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** How many of `grams` are in `others`, each at most as often as it is there. */
export function sharedGrams(grams: Grams, others: Grams): number {
  let sum = 0;
  for (const [gram, n] of grams) sum += Math.min(n, others.get(gram) ?? 0);
  return sum;
}

/** For each gram the greatest count that one of several lists has. */
export function greatestOf(lists: readonly Grams[]): Grams {
  const out = new Map<string, number>();
  for (const list of lists) for (const [gram, n] of list) out.set(gram, Math.max(n, out.get(gram) ?? 0));
  return out;
}

/** Harmonic mean of precision and recall, recall `beta` times as important; 0 where nothing is shared. */
export const fMeasure = (precision: number, recall: number, beta = 1): number =>
  precision + recall === 0 ? 0 : ((1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall);
