/** Two samples of vectors: each coordinate by Kolmogorov and Smirnov, and all together by maximum mean discrepancy; both count, each at half the level. */
import { besideReference, kolmogorovSmirnov, meanDiscrepancy, neededForDistance } from "../../statistics/index.ts";
import { type ComparisonContext, type FeatureComparison, nothingToCompare } from "./compare-feature.ts";
import { meanDifference } from "./compare-numbers.ts";
import { type VectorData, vectorMoments } from "./vector-sketch.ts";

/** Vectors of a side in the permutation test: its time grows with their square. */
const mostPermuted = 500;

const coordinate = (sample: readonly number[], size: number, k: number): Float64Array =>
  Float64Array.from({ length: sample.length / size }, (_, i) => sample[i * size + k]!);

export function compareVectors(a: VectorData, b: VectorData, size: number, o: ComparisonContext): FeatureComparison {
  const [test, measure] = ["Kolmogorov-Smirnov of each coordinate, and maximum mean discrepancy", "largest standardised mean difference"];
  const distance = { alpha: o.alpha / 2 / size, power: o.power, distance: o.detect };
  const needed = besideReference(neededForDistance(distance), a.keys.length);
  if (a.keys.length < 2 || b.keys.length < 2) return nothingToCompare(test, measure, needed);
  const each = Array.from({ length: size }, (_, k) => kolmogorovSmirnov(coordinate(a.sample, size, k), coordinate(b.sample, size, k)));
  const least = Math.min(...each.map(t => t.p));
  // rows stand in the order of hashes, so the first ones are a sample of all
  const rows = (sample: readonly number[]) => ({ values: sample.slice(0, mostPermuted * size), columns: size });
  const discrepancy = meanDiscrepancy(rows(a.sample), rows(b.sample), { draws: o.draws, seed: o.seed });
  const [x, y] = [vectorMoments(a), vectorMoments(b)];
  const differences = x.mean.map((mean, k) => {
    const scale = x.deviation[k]! > 0 ? x.deviation[k]! : 1;
    const side = (of: typeof x, count: number) => ({ mean: of.mean[k]! / scale, deviation: of.deviation[k]! / scale, count });
    return { k, mean, ...meanDifference(side(x, a.values), side(y, b.values), 1 - 0.05 / size) };
  });
  const largest = differences.reduce((best, d) => (Math.abs(d.value) > Math.abs(best.value) ? d : best));
  return {
    test,
    statistic: discrepancy.statistic,
    change: Math.max(...each.map(t => t.statistic)),
    p: Math.min(1, 2 * Math.min(size * least, discrepancy.p)),
    needed,
    effect: { value: largest.value, low: largest.low, high: largest.high },
    measure,
    distances: null,
    tests: {
      coordinate: largest.k,
      largestDistance: Math.max(...each.map(t => t.statistic)),
      coordinatesP: Math.min(1, size * least),
      discrepancy: discrepancy.statistic,
      discrepancyP: discrepancy.p,
    },
    notes: [],
  };
}
