/** What an item's log-likelihoods say of its choices. */
import type { ItemResult } from "./item.ts";

/** Probabilities of the choices: the softmax of their log-likelihoods. */
export function probabilities(i: ItemResult): number[] {
  const most = Math.max(...i.logLikelihoods!);
  const weights = i.logLikelihoods!.map(v => Math.exp(v - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map(w => w / sum);
}
