/** How much the best of several scores flatters: the winner's curse of a test set that is looked at again and again. */
import { normalQuantile } from "./distributions.ts";
import { checkArgument } from "./errors.ts";

/**
 * An upper bound of how far the best of k equally good candidates is expected to score above what it is worth, in standard errors of a score: sqrt(2 ln k), for any
 * dependence between the scores (Boucheron, Lugosi and Massart, Concentration Inequalities, 2013, theorem 2.5). 0 for one.
 */
export function bestOf(candidates: number): number {
  checkArgument(Number.isInteger(candidates) && candidates >= 1, "candidates", "a whole number from 1 on", candidates);
  return Math.sqrt(2 * Math.log(candidates));
}

/** Whether the best of so many may be expected outside of its own two-sided interval: then the interval says nothing of the best one. From 7 on at 95 %. */
export const isBestOptimistic = (candidates: number, confidence = 0.95): boolean =>
  bestOf(candidates) > normalQuantile(1 - (1 - confidence) / 2);
