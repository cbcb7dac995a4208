/** How well scores find labelled stretches: average precision by point, and the best F1 by stretch. No point is adjusted: a hit does not make a whole stretch right. */
import { averagePrecision, curveOf } from "../../src/statistics/index.ts";

export interface Stretch {
  readonly from: number;
  /** Not in it. */
  readonly to: number;
}

export function stretchesOf(isIn: (i: number) => boolean, length: number): readonly Stretch[] {
  const all: Stretch[] = [];
  for (let i = 0; i < length; i++) {
    if (!isIn(i)) continue;
    const from = i;
    while (i < length && isIn(i)) i++;
    all.push({ from, to: i });
  }
  return all;
}

export interface MatchFigures {
  readonly averagePrecision: number;
  /** The best over thresholds: recall is the share of labelled stretches that an alarmed one meets, precision the share of alarmed stretches that meet a labelled one. */
  readonly bestF1: number;
  /** Whether the highest score is in a labelled stretch. */
  readonly isTopHit: boolean;
}

const thresholds = 200;

export function matchFigures(scores: ArrayLike<number>, labels: ArrayLike<number>): MatchFigures {
  const n = scores.length;
  const real = stretchesOf(i => labels[i] === 1, n);
  const sorted = Float64Array.from(scores).sort();
  let bestF1 = 0;
  for (let t = 0; t < thresholds; t++) {
    // finer where scores are high
    const threshold = sorted[Math.min(n - 1, Math.floor(n * (1 - 0.5 ** (t / 16))))]!;
    const alarmed = stretchesOf(i => scores[i]! >= threshold, n);
    const meets = (a: Stretch, others: readonly Stretch[]) => others.some(o => o.from < a.to && a.from < o.to);
    const recall = real.filter(r => meets(r, alarmed)).length / real.length;
    const precision = alarmed.filter(a => meets(a, real)).length / alarmed.length;
    if (recall + precision > 0) bestF1 = Math.max(bestF1, (2 * recall * precision) / (recall + precision));
  }
  let top = 0;
  for (let i = 0; i < n; i++) if (scores[i]! > scores[top]!) top = i;
  return {
    averagePrecision: averagePrecision(curveOf({ score: scores, positive: labels })),
    bestF1,
    isTopHit: labels[top] === 1,
  };
}
