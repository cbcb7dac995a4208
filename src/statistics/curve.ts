/** What each threshold of a score would give, and the areas under the curves of that: ROC and precision-recall. */
import { checkArgument } from "./errors.ts";
import { counter, levelsOf } from "./levels.ts";

/** Scores of items and whether each is positive (not 0). */
export interface ScoredOutcomes {
  readonly positive: ArrayLike<number | boolean>;
  readonly score: ArrayLike<number>;
}

/** Counts when everything at a threshold and above is taken for positive, for each different score from the highest down. */
export interface Curve {
  readonly positives: number;
  readonly negatives: number;
  readonly thresholds: Float64Array;
  readonly truePositives: Float64Array;
  readonly falsePositives: Float64Array;
}

/** Counts at every different score. Errors: statistics/argument for lists of different length, a score that is no number, a side without an item. */
export function curveOf({ positive, score }: ScoredOutcomes): Curve {
  const n = positive.length;
  checkArgument(score.length === n, "score", `${n} scores, one an item`, score.length);
  let positives = 0;
  for (let i = 0; i < n; i++) {
    if (positive[i]) positives++;
    checkArgument(!Number.isNaN(score[i]!), `score[${i}]`, "a number", score[i]);
  }
  checkArgument(positives > 0 && positives < n, "positive", "positive and negative items", `${positives} positive of ${n}`);
  // Each side sorted for itself, without a comparison in JavaScript, and then merged.
  const [up, down] = [new Float64Array(positives), new Float64Array(n - positives)];
  for (let i = 0, u = 0, d = 0; i < n; i++)
    if (positive[i]) up[u++] = score[i]!;
    else down[d++] = score[i]!;
  up.sort();
  down.sort();
  const [thresholds, truePositives, falsePositives] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  let points = 0;
  for (let u = positives, d = n - positives; u > 0 || d > 0; points++) {
    const threshold = Math.max(u > 0 ? up[u - 1]! : Number.NEGATIVE_INFINITY, d > 0 ? down[d - 1]! : Number.NEGATIVE_INFINITY);
    while (u > 0 && up[u - 1]! >= threshold) u--;
    while (d > 0 && down[d - 1]! >= threshold) d--;
    thresholds[points] = threshold;
    truePositives[points] = positives - u;
    falsePositives[points] = n - positives - d;
  }
  const [t, tp, fp] = [thresholds, truePositives, falsePositives].map(column => column.subarray(0, points)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return { positives, negatives: n - positives, thresholds: t, truePositives: tp, falsePositives: fp };
}

/** `curveOf` of the items at some places, with repetitions: what a bootstrap asks for. Undefined for a draw of one side. Errors: statistics/argument. */
export function drawnCurve({ positive, score }: ScoredOutcomes): (at: ArrayLike<number>) => Curve | undefined {
  checkArgument(score.length === positive.length, "score", `${positive.length} scores, one an item`, score.length);
  for (let i = 0; i < score.length; i++) checkArgument(!Number.isNaN(score[i]!), `score[${i}]`, "a number", score[i]);
  const isPositive = Uint8Array.from(positive as ArrayLike<number>, p => (p ? 1 : 0));
  const levels = levelsOf(score);
  const [all, up] = [counter(levels), counter(levels, isPositive)];
  return at => {
    const [counts, positives] = [all(at), up(at)];
    const most = levels.values.length;
    const [thresholds, truePositives, falsePositives] = [new Float64Array(most), new Float64Array(most), new Float64Array(most)];
    let [points, hits, seen] = [0, 0, 0];
    for (let l = most - 1; l >= 0; l--) {
      if (counts[l] === 0) continue;
      hits += positives[l]!;
      seen += counts[l]!;
      thresholds[points] = levels.values[l]!;
      truePositives[points] = hits;
      falsePositives[points++] = seen - hits;
    }
    if (hits === 0 || hits === seen) return undefined;
    return {
      positives: hits,
      negatives: seen - hits,
      thresholds: thresholds.subarray(0, points),
      truePositives: truePositives.subarray(0, points),
      falsePositives: falsePositives.subarray(0, points),
    };
  };
}

/** Area under the ROC curve: how often a positive item has the higher score than a negative one, ties half (Hanley & McNeil 1982). */
export function rocArea({ positives, negatives, truePositives, falsePositives }: Curve): number {
  let [area, hits, misses] = [0, 0, 0];
  for (let i = 0; i < truePositives.length; i++) {
    area += ((falsePositives[i]! - misses) * (truePositives[i]! + hits)) / 2;
    [hits, misses] = [truePositives[i]!, falsePositives[i]!];
  }
  return area / (positives * negatives);
}

/** Average precision: the precision at each threshold, weighted by the recall that it adds; no interpolation. */
export function averagePrecision({ positives, truePositives, falsePositives }: Curve): number {
  let [sum, hits] = [0, 0];
  for (let i = 0; i < truePositives.length; i++) {
    const now = truePositives[i]!;
    sum += ((now - hits) / positives) * (now / (now + falsePositives[i]!));
    hits = now;
  }
  return sum;
}
