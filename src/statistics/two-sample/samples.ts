/** What the tests of two samples share. */
import { random } from "../../base/index.ts";
import { checkArgument } from "../errors.ts";

/** A statistic of two samples, and how often one at least as large comes from samples of one population. */
export interface TwoSampleTest {
  readonly statistic: number;
  /** Never 0. */
  readonly p: number;
  /** `exact`: by the permutation distribution; `asymptotic`: by the limit for large samples; `permutation`: by drawn permutations. */
  readonly method: "exact" | "asymptotic" | "permutation";
}

export interface PermutationOptions {
  /** Drawn permutations (default 999). */
  readonly draws?: number;
  readonly seed?: number | string;
}

/** The values in order. Errors: statistics/argument where there is none, or one that is no finite number. */
export function sortedSample(values: ArrayLike<number>, place: string): Float64Array {
  checkArgument(values.length > 0, place, "one value or more", "none");
  const sorted = Float64Array.from(values).sort();
  // NaN sorts behind all others
  checkArgument(
    Number.isFinite(sorted[0]!) && Number.isFinite(sorted.at(-1)!),
    place,
    "finite numbers",
    Number.isFinite(sorted[0]!) ? sorted.at(-1)! : sorted[0]!,
  );
  return sorted;
}

/**
 * Walks two sorted samples side by side: `each` is called once for every different value, with how many values of each sample are at most that, and
 * how far it is to the next different value (0 at the last).
 */
export function walkBoth(
  x: Float64Array,
  y: Float64Array,
  each: (atMostX: number, atMostY: number, toNext: number, value: number) => void,
): void {
  let [i, j] = [0, 0];
  while (i < x.length || j < y.length) {
    const value = j >= y.length || (i < x.length && x[i]! <= y[j]!) ? x[i]! : y[j]!;
    while (i < x.length && x[i] === value) i++;
    while (j < y.length && y[j] === value) j++;
    const next = Math.min(i < x.length ? x[i]! : Number.POSITIVE_INFINITY, j < y.length ? y[j]! : Number.POSITIVE_INFINITY);
    each(i, j, next === Number.POSITIVE_INFINITY ? 0 : next - value, value);
  }
}

/**
 * Permutation p-value of a statistic that gets which of the n + m pooled items stand in the first sample (1) or the second (0), the same array each time: the
 * share of drawn splits whose statistic is at least the real one's, which counts as one of them (Phipson and Smyth 2010).
 */
export function permuted(
  n: number,
  m: number,
  statistic: (isFirst: Uint8Array) => number,
  { draws = 999, seed = 1 }: PermutationOptions,
): TwoSampleTest {
  checkArgument(Number.isInteger(draws) && draws >= 19, "draws", "19 or more", draws);
  const isFirst = new Uint8Array(n + m).fill(1, 0, n);
  const value = statistic(isFirst);
  const draw = random(seed);
  // sums of the same terms in another order differ in their last bits
  const reach = value - 1e-12 * Math.max(1, Math.abs(value));
  let atLeast = 0;
  for (let d = 0; d < draws; d++) {
    for (let i = n + m - 1; i > 0; i--) {
      const j = draw.below(i + 1);
      const held = isFirst[i]!;
      isFirst[i] = isFirst[j]!;
      isFirst[j] = held;
    }
    if (statistic(isFirst) >= reach) atLeast++;
  }
  return { statistic: value, p: (atLeast + 1) / (draws + 1), method: "permutation" };
}
