/**
 * Label-permutation test: what a score of true against predicted labels would be if the labels said nothing about the items (Ojala and Garriga 2010,
 * test 1). Clusters exchange their labels as a whole, so near-duplicates count once: each takes the labels of another one in any order, repeated or cut to
 * its own size.
 */
import { random } from "../base/index.ts";
import { checkArgument } from "./errors.ts";
import { clusterItems, quantile, type ResamplingOptions } from "./resampling.ts";

export interface LabelPermutation {
  /** The score of the labels as they are. */
  readonly value: number;
  /** Mean of the scores of permuted labels. */
  readonly nullMean: number;
  /** The score that 5 % of the permutations exceed. */
  readonly nullHigh: number;
  /** Share of permutations that score at least `value`, the labels as they are among them (Phipson and Smyth 2010): never 0. */
  readonly p: number;
}

/**
 * One-sided: higher scores are better. `score` gets labels [items] (the same array each time). Permutations without a score (NaN) are left out.
 * Errors: statistics/argument.
 */
export function labelPermutation(
  labels: ArrayLike<number>,
  score: (labels: Int32Array) => number,
  { draws = 1000, seed = 1, clusters: clusterOf }: ResamplingOptions = {},
): LabelPermutation {
  checkArgument(labels.length > 0, "labels", "an item or more", labels.length);
  checkArgument(Number.isInteger(draws) && draws >= 20, "draws", "20 or more", draws);
  const clusters = clusterItems(labels.length, clusterOf);
  const permuted = Int32Array.from(labels);
  const value = score(permuted);
  const draw = random(seed);
  const scores: number[] = [];
  for (let d = 0; d < draws; d++) {
    const order = draw.permutation(clusters.length);
    for (const [at, items] of clusters.entries()) {
      const from = clusters[order[at]!]!;
      const within = from.length > 1 ? draw.permutation(from.length) : undefined;
      for (let i = 0; i < items.length; i++) {
        const k = i % from.length;
        permuted[items[i]!] = labels[from[within ? within[k]! : k]!]!;
      }
    }
    const s = score(permuted);
    if (!Number.isNaN(s)) scores.push(s);
  }
  if (Number.isNaN(value) || scores.length === 0) return { value, nullMean: Number.NaN, nullHigh: Number.NaN, p: Number.NaN };
  // sums of the same terms in another order differ in their last bits
  const reach = value - 1e-12;
  const atLeast = scores.filter(s => s >= reach).length;
  const sorted = Float64Array.from(scores).sort();
  return {
    value,
    nullMean: scores.reduce((a, b) => a + b, 0) / scores.length,
    nullHigh: quantile(sorted, 0.95),
    p: (atLeast + 1) / (scores.length + 1),
  };
}
