/** Two samples of numbers: Kolmogorov and Smirnov decide; bins, distances and the means say what moved. */
import {
  besideReference,
  binCounts,
  binnedDistances,
  cramerVonMises,
  energyDistance,
  type Interval,
  kolmogorovSmirnov,
  neededForDistance,
  quantile,
  quantileEdges,
  studentQuantile,
  superiority,
  wassersteinDistance,
} from "../../statistics/index.ts";
import { type ComparisonContext, type FeatureComparison, nothingToCompare } from "./compare-feature.ts";
import { type Moments, momentsOf, type NumberData } from "./number-sketch.ts";
import type { NumberSide } from "./report.ts";
import type { NumberFeature } from "./spec.ts";

const test = "Kolmogorov-Smirnov";
const measure = "mean difference";

/** Beyond so many values a test that only stands beside the deciding one draws fewer permutations. */
const manyValues = 2000;
const fewDraws = 99;

interface NumberSideGiven {
  readonly spec: NumberFeature;
  readonly data: NumberData;
}

/** The second mean less the first (Welch 1947). */
export function meanDifference(
  x: Moments & { readonly count: number },
  y: Moments & { readonly count: number },
  confidence = 0.95,
): Interval {
  const value = y.mean - x.mean;
  const [vx, vy] = [x.deviation ** 2 / x.count, y.deviation ** 2 / y.count];
  if (x.count < 2 || y.count < 2) return { value, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  if (vx + vy === 0) return { value, low: value, high: value };
  const freedom = (vx + vy) ** 2 / (vx ** 2 / (x.count - 1) + vy ** 2 / (y.count - 1));
  const reach = studentQuantile(confidence, freedom) * Math.sqrt(vx + vy);
  return { value, low: value - reach, high: value + reach };
}

const sideOf = (data: NumberData, sorted: Float64Array): NumberSide => ({
  ...momentsOf(data),
  least: data.range[0]!,
  most: data.range[1]!,
  quantiles: [quantile(sorted, 0.1), quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75), quantile(sorted, 0.9)],
});

/** Counts of both sides in the reference's bins. A window that sampled a part of its values has counted all of them by edges that the reference gave it. */
function countsOf(
  reference: NumberSideGiven,
  window: NumberSideGiven,
  bins: number,
): readonly [ArrayLike<number>, ArrayLike<number>] | null {
  const isCut = window.data.values > window.data.sample.length;
  const edges = isCut && window.spec.edges ? window.spec.edges : quantileEdges(reference.data.sample, bins);
  if (edges.length === 0) return null;
  const own = isCut && window.spec.edges ? window.data.counts : binCounts(edges, window.data.sample);
  return [binCounts(edges, reference.data.sample), own];
}

const hasTies = (sorted: Float64Array): boolean => sorted.some((v, i) => i > 0 && v === sorted[i - 1]);

export function compareNumbers(reference: NumberSideGiven, window: NumberSideGiven, o: ComparisonContext): FeatureComparison {
  const [a, b] = [reference.data, window.data];
  const needed = besideReference(neededForDistance({ alpha: o.alpha, power: o.power, distance: o.detect }), a.sample.length);
  if (a.sample.length === 0 || b.sample.length === 0) return nothingToCompare(test, measure, needed);
  const [x, y] = [Float64Array.from(a.sample).sort(), Float64Array.from(b.sample).sort()];
  const ks = kolmogorovSmirnov(x, y);
  const counts = countsOf(reference, window, o.bins);
  const notes: string[] = [];
  if (ks.method === "asymptotic" && hasTies(x)) notes.push("Equal values make the asymptotic p-value conservative.");
  if (a.range[0] === a.range[1]) notes.push("The reference is constant.");
  const above = superiority(x, y);
  // by permutation where values tie
  const draws = x.length + y.length > manyValues ? fewDraws : o.draws;
  const cramer = x.length > 1 && y.length > 1 ? cramerVonMises(x, y, { draws, seed: o.seed }) : undefined;
  return {
    test: `${test} (${ks.method})`,
    statistic: ks.statistic,
    change: ks.statistic,
    p: ks.p,
    needed,
    effect: meanDifference({ ...momentsOf(a), count: a.values }, { ...momentsOf(b), count: b.values }),
    measure,
    distances: counts && binnedDistances(...counts),
    tests: {
      ...(cramer ? { cramerVonMises: cramer.statistic, cramerVonMisesP: cramer.p } : {}),
      wasserstein: wassersteinDistance(x, y),
      energy: energyDistance(x, y),
      superiority: above.value,
      superiorityLow: above.low,
      superiorityHigh: above.high,
    },
    numbers: { reference: sideOf(a, x), window: sideOf(b, y) },
    notes,
  };
}
