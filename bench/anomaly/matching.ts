/**
 * How well scores find labelled stretches: average precision by point, and the composite F1 (Garg and others 2021): precision by point, recall by stretch, the
 * best over thresholds. No point is adjusted: a hit does not make a whole stretch right.
 */
import { averagePrecision, curveOf } from "../../src/statistics/index.ts";

interface Stretch {
  readonly from: number;
  /** Not in it. */
  readonly to: number;
}

function stretchesOf(isIn: (i: number) => boolean, length: number): readonly Stretch[] {
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
  /** The best over thresholds: recall is the share of labelled stretches with an alarmed point, precision the share of alarmed points that are labelled. */
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
    let [alarmed, right] = [0, 0];
    for (let i = 0; i < n; i++)
      if (scores[i]! >= threshold) {
        alarmed++;
        right += labels[i]!;
      }
    const met = real.filter(({ from, to }) => {
      for (let i = from; i < to; i++) if (scores[i]! >= threshold) return true;
      return false;
    });
    const [recall, precision] = [met.length / real.length, right / alarmed];
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
