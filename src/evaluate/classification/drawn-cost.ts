/**
 * What decisions cost when their threshold is chosen anew: the figure that a bootstrap draws when both the items that choose and those that are told of are a
 * sample. A step that depends on the data is repeated in every draw (Efron and Tibshirani 1993, chapter 17; of two samples, each is drawn by itself, Davison and
 * Hinkley 1997, section 3.2), so the interval knows how else the threshold could have fallen.
 */
import type { CostRule } from "./costs.ts";
import type { ScoredOutcomes } from "./curves.ts";

/**
 * Mean cost of an item of `told`, at the cheapest threshold of the items of `choosing` (the higher one of equals, midway to the next score below): a function
 * of indices with repetitions, i an item of `told`, `told`'s number + i one of `choosing`. On all items it is the cost that `thresholdReport` tells. NaN where
 * the indices have no told item, or choosing ones of one side only.
 */
export function drawnCost(
  { falsePositive, falseNegative }: Omit<CostRule, "positive">,
  told: ScoredOutcomes,
  choosing: ScoredOutcomes,
): (items: ArrayLike<number>) => number {
  const n = told.score.length;
  const levels = Float64Array.from(new Set(Array.from(choosing.score)))
    .sort()
    .reverse();
  const numbers = new Map(Array.from(levels, (score, level) => [score, level]));
  const levelOf = Int32Array.from({ length: choosing.score.length }, (_, i) => numbers.get(choosing.score[i]!)!);
  const [taken, left] = [new Int32Array(levels.length), new Int32Array(levels.length)];

  /** Of the counts in `taken` (positive items of a score) and `left` (others). */
  function cheapest(positives: number, all: number): number {
    let [hits, misses, least, at] = [0, 0, (falseNegative * positives) / all, -1];
    for (let level = 0; level < levels.length; level++) {
      if (taken[level] === 0 && left[level] === 0) continue;
      hits += taken[level]!;
      misses += left[level]!;
      const cost = (falsePositive * misses + falseNegative * (positives - hits)) / all;
      if (cost < least) [least, at] = [cost, level];
    }
    if (at < 0) return Number.POSITIVE_INFINITY;
    for (let below = at + 1; below < levels.length; below++)
      if (taken[below]! > 0 || left[below]! > 0) return (levels[at]! + levels[below]!) / 2;
    return levels[at]!;
  }

  return items => {
    taken.fill(0);
    left.fill(0);
    let [positives, all] = [0, 0];
    for (let k = 0; k < items.length; k++) {
      const i = items[k]! - n;
      if (i < 0) continue;
      all++;
      if (choosing.positive[i]) {
        positives++;
        taken[levelOf[i]!]!++;
      } else left[levelOf[i]!]!++;
    }
    if (positives === 0 || positives === all) return Number.NaN;
    const threshold = cheapest(positives, all);
    let [sum, count] = [0, 0];
    for (let k = 0; k < items.length; k++) {
      const i = items[k]!;
      if (i >= n) continue;
      count++;
      if (told.score[i]! >= threshold) sum += told.positive[i] ? 0 : falsePositive;
      else sum += told.positive[i] ? falseNegative : 0;
    }
    return sum / count;
  };
}
