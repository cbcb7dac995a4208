/** Kolmogorov-Smirnov test of two samples (Smirnov 1939): the largest distance between their empirical distribution functions. */
import { sortedSample, type TwoSampleTest, walkBoth } from "./samples.ts";

/** Cells of the exact distribution that are computed, some 10 ms; larger samples take the limit. */
const mostCells = 2_000_000;

export interface KolmogorovSmirnovOptions {
  /** Default: `exact` up to 2,000,000 pairs of values, else `asymptotic`. */
  readonly method?: "exact" | "asymptotic";
}

/**
 * Two-sided. The exact p-value is that of all splits of the pooled values, ties among them, by a walk over the lattice of how many of each sample have been seen
 * (Hodges 1957; ties as in Schröer and Trenkler 1995). The asymptotic one is Kolmogorov's limit with Stephens' correction (1970); ties make it
 * conservative. Errors: statistics/argument.
 */
export function kolmogorovSmirnov(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  { method }: KolmogorovSmirnovOptions = {},
): TwoSampleTest & { readonly method: "exact" | "asymptotic" } {
  const [a, b] = [sortedSample(x, "x"), sortedSample(y, "y")];
  const [n, m] = [a.length, b.length];
  // whole numbers: the distance times n m
  let largest = 0;
  const ends = new Uint8Array(n + m + 1);
  walkBoth(a, b, (i, j) => {
    ends[i + j] = 1;
    largest = Math.max(largest, Math.abs(i * m - j * n));
  });
  const statistic = largest / (n * m);
  if ((method ?? (n * m <= mostCells ? "exact" : "asymptotic")) === "exact")
    return { statistic, p: exactAbove(n, m, largest, ends), method: "exact" };
  const effective = Math.sqrt((n * m) / (n + m));
  return { statistic, p: kolmogorovAbove((effective + 0.12 + 0.11 / effective) * statistic), method: "asymptotic" };
}

/**
 * Probability that a random split of n + m pooled values is `largest` or more apart (times n m) at a place where a group of equal values ends. A
 * path takes its next value from the first sample with the chance that it has of the rest; what reaches the distance is taken out and summed, so
 * small probabilities keep their digits.
 */
function exactAbove(n: number, m: number, largest: number, ends: Uint8Array): number {
  if (largest === 0) return 1;
  let p = 0;
  // chance of having seen i of the first sample after the values so far, none of them at the distance
  let chance = new Float64Array(n + 1);
  let next = new Float64Array(n + 1);
  chance[0] = 1;
  for (let seen = 0; seen < n + m; seen++) {
    next.fill(0);
    const left = n + m - seen;
    for (let i = Math.max(0, seen - m); i <= Math.min(n, seen); i++) {
      const here = chance[i]!;
      if (here === 0) continue;
      const first = (n - i) / left;
      if (i < n) next[i + 1] = next[i + 1]! + here * first;
      if (seen - i < m) next[i] = next[i]! + here * (1 - first);
    }
    if (ends[seen + 1])
      for (let i = Math.max(0, seen + 1 - m); i <= Math.min(n, seen + 1); i++)
        if (Math.abs(i * m - (seen + 1 - i) * n) >= largest) {
          p += next[i]!;
          next[i] = 0;
        }
    [chance, next] = [next, chance];
  }
  return Math.min(1, p);
}

/** P(K > t) of Kolmogorov's distribution: whichever of its two series ends sooner. */
export function kolmogorovAbove(t: number): number {
  if (t <= 0) return 1;
  if (t < 1) {
    let below = 0;
    for (let k = 1; k <= 20; k++) below += Math.exp(-((2 * k - 1) ** 2 * Math.PI ** 2) / (8 * t * t));
    return Math.max(0, 1 - (Math.sqrt(2 * Math.PI) / t) * below);
  }
  let above = 0;
  for (let k = 1; k <= 20; k++) above += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * t * t);
  return Math.max(Number.MIN_VALUE, Math.min(1, above));
}
