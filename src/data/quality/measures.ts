/** How good a classifier's scores are: ranking (AUC), decisions at a threshold, and whether a score of p comes true p of the time. */

export interface Scored {
  /** Probability of good. */
  readonly score: number;
  readonly isGood: boolean;
}

export interface Decisions {
  readonly accuracy: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Of the good: precision, recall and F1 where a score of `threshold` and more is called good. */
export function decisionsAt(scored: readonly Scored[], threshold = 0.5): Decisions {
  let [hits, said, good, right] = [0, 0, 0, 0];
  for (const { score, isGood } of scored) {
    const says = score >= threshold;
    said += Number(says);
    good += Number(isGood);
    hits += Number(says && isGood);
    right += Number(says === isGood);
  }
  const precision = said === 0 ? 0 : hits / said;
  const recall = good === 0 ? 0 : hits / good;
  return { accuracy: right / scored.length, precision, recall, f1: hits === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

/** Probability that a good one scores higher than a bad one, ties half (Mann & Whitney 1947). NaN where one kind is missing. */
export function areaUnderCurve(scored: readonly Scored[]): number {
  const sorted = [...scored].sort((a, b) => a.score - b.score);
  let [good, ranks] = [0, 0];
  for (let i = 0; i < sorted.length; ) {
    let j = i;
    while (j < sorted.length && sorted[j]!.score === sorted[i]!.score) j++;
    const rank = (i + 1 + j) / 2;
    for (; i < j; i++)
      if (sorted[i]!.isGood) {
        good++;
        ranks += rank;
      }
  }
  return (ranks - (good * (good + 1)) / 2) / (good * (sorted.length - good));
}

/** Mean squared distance of score and truth (Brier 1950). */
export const brierScore = (scored: readonly Scored[]): number =>
  scored.reduce((sum, { score, isGood }) => sum + (score - Number(isGood)) ** 2, 0) / scored.length;

/** Expected calibration error over bins of equal width (Naeini et al. 2015): how far the mean score lies from the share of good, by bin. */
export function calibrationError(scored: readonly Scored[], bins = 10): number {
  const totals = Array.from({ length: bins }, () => ({ n: 0, score: 0, good: 0 }));
  for (const { score, isGood } of scored) {
    const bin = totals[Math.min(bins - 1, Math.floor(score * bins))]!;
    bin.n++;
    bin.score += score;
    bin.good += Number(isGood);
  }
  return totals.reduce((sum, b) => sum + Math.abs(b.score - b.good), 0) / scored.length;
}
