/**
 * Counts of two samples in the same bins, and how far apart their shares are: PSI, KL, Jensen-Shannon, Hellinger, total variation, chi-square. Edges come
 * from the reference alone, so scores of two windows can be compared; the outer bins have no end, so nothing falls out of them.
 */
import { chiSquareAbove } from "../distributions.ts";
import { checkArgument } from "../errors.ts";
import { quantile } from "../resampling.ts";
import { sortedSample } from "./samples.ts";

/**
 * Inner edges [at most bins - 1], rising: quantiles of the reference. A bin holds values above its left edge up to its right one. Values that
 * fill several bins get one, so there may be fewer. Errors: statistics/argument.
 */
export function quantileEdges(reference: ArrayLike<number>, bins: number): Float64Array {
  checkArgument(Number.isInteger(bins) && bins >= 2, "bins", "a whole number from 2", bins);
  const sorted = sortedSample(reference, "reference");
  const edges: number[] = [];
  for (let k = 1; k < bins; k++) {
    const edge = quantile(sorted, k / bins);
    // behind the largest value there would be nothing of the reference
    if (edge !== edges.at(-1) && edge < sorted.at(-1)!) edges.push(edge);
  }
  return Float64Array.from(edges);
}

/** Number of the bin of a value among rising inner edges. */
export function histogramBin(edges: ArrayLike<number>, value: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= edges[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Counts of values in the bins of edges [bins - 1]: [bins]. */
export function binCounts(edges: ArrayLike<number>, values: ArrayLike<number>): Float64Array {
  const counts = new Float64Array(edges.length + 1);
  for (let i = 0; i < values.length; i++) counts[histogramBin(edges, values[i]!)]!++;
  return counts;
}

export interface BinnedDistances {
  /** Population stability index, sum (q - p) ln(q / p): KL both ways. */
  readonly psi: number;
  /** What `psi` is on average where both samples are of one population: (bins - 1)(1/n + 1/m). */
  readonly psiExpected: number;
  /** P(psi or more) then: n m / (n + m) psi is chi-square with bins - 1 degrees for large samples. */
  readonly psiP: number;
  /** KL divergence of the current shares from the reference's, sum q ln(q / p), nats. */
  readonly kl: number;
  /** Jensen-Shannon divergence, nats: 0 to ln 2. Its square root is the distance that other tools give. */
  readonly js: number;
  /** Hellinger distance, 0 to 1. */
  readonly hellinger: number;
  /** What these three are by chance, and the p-values, as for `psi`: 2 KL, 8 JS and 8 Hellinger² are PSI where shares differ little. Hellinger's is a root mean square. */
  readonly klExpected: number;
  readonly klP: number;
  readonly jsExpected: number;
  readonly jsP: number;
  readonly hellingerExpected: number;
  readonly hellingerP: number;
  /** 0 to 1: half the sum of |q - p|. */
  readonly totalVariation: number;
}

/**
 * Distances of `current` counts [bins] from `reference` counts [bins]. Shares have Jeffreys' pseudo-count, (c + 1/2) / (n + bins / 2), so an empty bin is no
 * infinity. Errors: statistics/argument.
 */
export function binnedDistances(reference: ArrayLike<number>, current: ArrayLike<number>): BinnedDistances {
  const bins = reference.length;
  checkArgument(bins >= 2, "reference", "two bins or more", bins);
  checkArgument(current.length === bins, "current", `${bins} bins, as the reference has`, current.length);
  const [n, m] = [total(reference, "reference"), total(current, "current")];
  let [psi, kl, js, overlap, variation] = [0, 0, 0, 0, 0];
  for (let k = 0; k < bins; k++) {
    const p = (reference[k]! + 0.5) / (n + bins / 2);
    const q = (current[k]! + 0.5) / (m + bins / 2);
    const middle = (p + q) / 2;
    psi += (q - p) * Math.log(q / p);
    kl += q * Math.log(q / p);
    js += (p * Math.log(p / middle) + q * Math.log(q / middle)) / 2;
    overlap += Math.sqrt(p * q);
    variation += Math.abs(q - p) / 2;
  }
  const byChance = (bins - 1) * (1 / n + 1 / m);
  const pOf = (asPsi: number) => Math.max(Number.MIN_VALUE, chiSquareAbove(((n * m) / (n + m)) * Math.max(0, asPsi), bins - 1));
  return {
    psi,
    psiExpected: byChance,
    psiP: pOf(psi),
    kl,
    klExpected: byChance / 2,
    klP: pOf(2 * kl),
    js: Math.max(0, js),
    jsExpected: byChance / 8,
    jsP: pOf(8 * js),
    hellinger: Math.sqrt(Math.max(0, 1 - overlap)),
    hellingerExpected: Math.sqrt(byChance / 8),
    hellingerP: pOf(8 * (1 - overlap)),
    totalVariation: variation,
  };
}

function total(counts: ArrayLike<number>, place: string): number {
  let sum = 0;
  for (let k = 0; k < counts.length; k++) {
    checkArgument(counts[k]! >= 0 && Number.isFinite(counts[k]!), `${place}[${k}]`, "a count", counts[k]);
    sum += counts[k]!;
  }
  checkArgument(sum > 0, place, "one value or more", "none");
  return sum;
}

export interface ChiSquareTest {
  readonly statistic: number;
  readonly freedom: number;
  readonly p: number;
  /** Cramér's V, 0 to 1: the size of the effect. */
  readonly cramerV: number;
  /** Least expected count: below 5 the p-value is rough. */
  readonly leastExpected: number;
}

/** Pearson's chi-square test that two lists of counts [categories] have the same shares. Categories that neither has are left out. Errors: statistics/argument. */
export function chiSquareTwoSample(x: ArrayLike<number>, y: ArrayLike<number>): ChiSquareTest {
  checkArgument(x.length === y.length, "y", `${x.length} categories, as x has`, y.length);
  const [n, m] = [total(x, "x"), total(y, "y")];
  let [statistic, used, leastExpected] = [0, 0, Number.POSITIVE_INFINITY];
  for (let k = 0; k < x.length; k++) {
    const both = x[k]! + y[k]!;
    if (both === 0) continue;
    used++;
    const [a, b] = [(both * n) / (n + m), (both * m) / (n + m)];
    statistic += (x[k]! - a) ** 2 / a + (y[k]! - b) ** 2 / b;
    leastExpected = Math.min(leastExpected, a, b);
  }
  const freedom = used - 1;
  if (freedom < 1) return { statistic: 0, freedom: 0, p: 1, cramerV: 0, leastExpected };
  return {
    statistic,
    freedom,
    p: Math.max(Number.MIN_VALUE, chiSquareAbove(statistic, freedom)),
    cramerV: Math.sqrt(statistic / (n + m)),
    leastExpected,
  };
}
