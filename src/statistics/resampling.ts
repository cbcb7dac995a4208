/**
 * What would have come out with other items: bootstrap intervals and permutation tests. Items that belong together (answers to one passage,
 * mails of one thread, seeds of one prompt) are drawn together: pass `clusters`. Same seed, same figures.
 */
import { type Random, random } from "../base/index.ts";
import { normalBelow, normalQuantile } from "./distributions.ts";
import { checkArgument, outOf } from "./errors.ts";
import type { Interval } from "./proportion.ts";

export interface ResamplingOptions {
  /** Draws (default 2,000). */
  readonly draws?: number;
  readonly confidence?: number;
  readonly seed?: number | string;
  /** Cluster of each item; absent: each item is its own. */
  readonly clusters?: ArrayLike<number> | undefined;
}

export interface BootstrapOptions extends ResamplingOptions {
  /**
   * Stratum of each item, which no cluster leaves; absent: all are one. Each is drawn by itself, so its share of a draw stays what it is: the parts (tasks of
   * a group, say) are fixed, their items a sample.
   */
  readonly strata?: ArrayLike<number> | undefined;
  /**
   * `bca` (default), or `percentile`: the draws' own quantiles. That is for a statistic that chooses on the items that it is drawn from (a threshold, say):
   * draws choose with more noise than the sample did, which BCa takes for a bias of the sample, and turns its interval away from what it is of.
   */
  readonly method?: "bca" | "percentile" | undefined;
}

export interface BootstrapInterval extends Interval {
  /** Draws of which the statistic was not a number (no positive item in them, say); they are left out. */
  readonly undefinedDraws: number;
}

/** Items of each cluster, clusters in order of their first item. Errors: statistics/argument. */
export function clusterItems(n: number, clusters: ArrayLike<number> | undefined): Int32Array[] {
  if (!clusters) return Array.from({ length: n }, (_, i) => Int32Array.of(i));
  checkArgument(clusters.length === n, "clusters", `${n} of them, one an item`, clusters.length);
  const lists = new Map<number, number[]>();
  for (let i = 0; i < n; i++) {
    const list = lists.get(clusters[i]!);
    if (list) list.push(i);
    else lists.set(clusters[i]!, [i]);
  }
  return [...lists.values()].map(l => Int32Array.from(l));
}

/** Clusters of each stratum, strata in order of their first item. Errors: statistics/argument. */
function strataOf(n: number, clusters: readonly Int32Array[], strata: ArrayLike<number> | undefined): Int32Array[][] {
  if (!strata) return [[...clusters]];
  checkArgument(strata.length === n, "strata", `${n} of them, one an item`, strata.length);
  const lists = new Map<number, Int32Array[]>();
  for (const c of clusters) {
    const own = strata[c[0]!]!;
    checkArgument(
      c.every(i => strata[i] === own),
      "strata",
      "clusters that lie within a stratum",
      `items of one cluster in several`,
    );
    const list = lists.get(own);
    if (list) list.push(c);
    else lists.set(own, [c]);
  }
  return [...lists.values()];
}

/** Draws of each stratum as many clusters as there are, with repetitions. */
function redrawer(strata: readonly (readonly Int32Array[])[]): (draw: Random) => Int32Array {
  // clusters of one item each, the usual case, as one list a stratum: no object is looked up for an item
  if (strata.every(clusters => clusters.every(c => c.length === 1))) {
    const lists = strata.map(joined);
    const n = lists.reduce((sum, l) => sum + l.length, 0);
    return draw => {
      const items = new Int32Array(n);
      let at = 0;
      for (const list of lists) for (let i = 0; i < list.length; i++) items[at++] = list[draw.below(list.length)]!;
      return items;
    };
  }
  return draw => {
    const chosen: Int32Array[] = [];
    for (const clusters of strata) for (let i = 0; i < clusters.length; i++) chosen.push(clusters[draw.below(clusters.length)]!);
    return joined(chosen);
  };
}

function joined(clusters: readonly Int32Array[]): Int32Array {
  let size = 0;
  for (const c of clusters) size += c.length;
  const items = new Int32Array(size);
  let at = 0;
  // most clusters are one item: a loop is faster than `set`
  for (const c of clusters) for (let i = 0; i < c.length; i++) items[at++] = c[i]!;
  return items;
}

/** Value at a share of a sorted list, between neighbours in a line. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const [a, b] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return a + (at - below) * (b - a);
}

/**
 * Interval of any statistic of items by the bias-corrected and accelerated bootstrap (Efron 1987), or by percentiles. `statistic` gets indices of items, with
 * repetitions. The acceleration comes from leaving clusters out one at a time, some 200 groups of them at most. Several strata, one of which is a single
 * cluster, have no interval: nothing says how far that one could have come out otherwise. Errors: statistics/argument.
 */
export const bootstrap = (n: number, statistic: (items: Int32Array) => number, options: BootstrapOptions = {}): BootstrapInterval =>
  bootstrapAll(n, items => [statistic(items)], options)[0]!;

/** Several statistics of all items, and of each draw; undefined where a stratum is a single cluster beside others. Errors: statistics/argument. */
export function bootstrapDraws(
  n: number,
  statistics: (items: Int32Array) => ArrayLike<number>,
  { draws = 2000, seed = 1, clusters: clusterOf, strata: stratumOf }: Omit<BootstrapOptions, "method"> = {},
): { readonly values: readonly number[]; readonly columns: readonly Float64Array[] } | undefined {
  checkArgument(n > 0, "n", "an item or more", n);
  checkArgument(Number.isInteger(draws) && draws >= 20, "draws", "20 or more", draws);
  const strata = strataOf(n, clusterItems(n, clusterOf), stratumOf);
  if (strata.length > 1 && strata.some(s => s.length === 1)) return undefined;
  const values = Array.from(statistics(Int32Array.from({ length: n }, (_, i) => i)));
  const draw = random(seed);
  const redraw = redrawer(strata);
  const columns = values.map(() => new Float64Array(draws));
  for (let d = 0; d < draws; d++) {
    const row = statistics(redraw(draw));
    for (let j = 0; j < columns.length; j++) columns[j]![d] = row[j]!;
  }
  return { values, columns };
}

/** Intervals of several statistics of the same draws, each what `bootstrap` gives it: what they share is counted once a draw. Errors: statistics/argument. */
export function bootstrapAll(
  n: number,
  statistics: (items: Int32Array) => ArrayLike<number>,
  options: BootstrapOptions = {},
): BootstrapInterval[] {
  const { draws = 2000, confidence = 0.95, clusters, strata, method = "bca" } = options;
  outOf(confidence, "confidence");
  const none = { low: Number.NaN, high: Number.NaN };
  const drawnAll = bootstrapDraws(n, statistics, options);
  if (!drawnAll)
    return Array.from(statistics(Int32Array.from({ length: n }, (_, i) => i)), value => ({ value, ...none, undefinedDraws: 0 }));
  const { values, columns } = drawnAll;
  const accelerations =
    method === "bca" ? accelerationsOf(strataOf(n, clusterItems(n, clusters), strata), statistics, values.length) : undefined;
  return values.map((value, j) => {
    const drawn = columns[j]!.filter(v => !Number.isNaN(v));
    const undefinedDraws = draws - drawn.length;
    if (drawn.length < 2 || Number.isNaN(value)) return { value, ...none, undefinedDraws };
    drawn.sort();
    const [lower, upper] = [(1 - confidence) / 2, 1 - (1 - confidence) / 2];
    if (!accelerations) return { value, low: quantile(drawn, lower), high: quantile(drawn, upper), undefinedDraws };
    const below = drawn.reduce((sum, v) => sum + (v < value ? 1 : v === value ? 0.5 : 0), 0) / drawn.length;
    const least = 1 / (2 * drawn.length);
    const bias = normalQuantile(Math.min(1 - least, Math.max(least, below)));
    const end = (share: number) => {
      const z = bias + normalQuantile(share);
      return quantile(drawn, normalBelow(bias + z / (1 - accelerations[j]! * z)));
    };
    return { value, low: end(lower), high: end(upper), undefinedDraws };
  });
}

/** From the influence of clusters within each stratum (Davison and Hinkley 1997, section 5.3.2, with the jackknife's values), of each statistic. */
function accelerationsOf(
  strata: readonly (readonly Int32Array[])[],
  statistics: (items: Int32Array) => ArrayLike<number>,
  count: number,
): Float64Array {
  const all = strata.reduce((sum, s) => sum + s.length, 0);
  const [squares, cubes] = [new Float64Array(count), new Float64Array(count)];
  for (const [s, clusters] of strata.entries()) {
    const groups = Math.min(clusters.length, Math.max(2, Math.round((Math.min(200, all) * clusters.length) / all)));
    if (groups < 2) continue;
    const others = strata.flatMap((list, other) => (other === s ? [] : list));
    const without = Array.from({ length: groups }, (_, g) =>
      Float64Array.from(statistics(joined([...others, ...clusters.filter((_, i) => i % groups !== g)]))),
    );
    for (let j = 0; j < count; j++) {
      const values = without.map(row => row[j]!).filter(v => !Number.isNaN(v));
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      for (const v of values) {
        const influence = ((groups - 1) / groups) * (mean - v);
        squares[j]! += influence ** 2;
        cubes[j]! += influence ** 3;
      }
    }
  }
  return squares.map((square, j) => (square === 0 ? 0 : cubes[j]! / (6 * square ** 1.5)));
}

export interface PermutationTest {
  /** Mean difference, second minus first. */
  readonly difference: number;
  readonly p: number;
  /** Every sign pattern was looked at (up to 16 clusters), not a sample of them. */
  readonly isExact: boolean;
}

const mostExact = 16;

/**
 * Paired two-sided permutation test of a mean difference: under no difference each cluster's sign is as likely as the other. A sampled p
 * counts the seen arrangement in (Phipson & Smyth 2010), so it is never 0. Errors: statistics/argument.
 */
export function pairedPermutation(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  { draws = 10_000, seed = 1, clusters: clusterOf }: ResamplingOptions = {},
): PermutationTest {
  const n = first.length;
  checkArgument(n > 0, "first", "an item or more", n);
  checkArgument(second.length === n, "second", `${n} items, as on the first side`, second.length);
  const sums = clusterItems(n, clusterOf).map(c => c.reduce((sum, i) => sum + second[i]! - first[i]!, 0));
  const total = sums.reduce((a, b) => a + b, 0);
  // Sums of the same terms in another order differ in their last bits.
  const reach = Math.abs(total) - 1e-9 * sums.reduce((a, b) => a + Math.abs(b), 0);
  const signs = sums.filter(s => s !== 0);
  let atLeast = 0;
  if (signs.length <= mostExact) {
    const patterns = 2 ** signs.length;
    for (let pattern = 0; pattern < patterns; pattern++) {
      const sum = signs.reduce((s, v, i) => s + ((pattern >> i) & 1 ? v : -v), 0);
      if (Math.abs(sum) >= reach) atLeast++;
    }
    return { difference: total / n, p: atLeast / patterns, isExact: true };
  }
  const draw = random(seed);
  for (let i = 0; i < draws; i++) {
    let [sum, bits] = [0, 0];
    for (let j = 0; j < signs.length; j++) {
      if (j % 32 === 0) bits = draw.u32();
      sum += bits & 1 ? signs[j]! : -signs[j]!;
      bits >>>= 1;
    }
    if (Math.abs(sum) >= reach) atLeast++;
  }
  return { difference: total / n, p: (atLeast + 1) / (draws + 1), isExact: false };
}

/**
 * Paired two-sided test of any figure: under no difference the two results of an item (or of all items of a cluster) may as well be exchanged
 * (approximate randomisation, Noreen 1989). `statistic` gets indices: i is the first's result of item i, n + i the second's. The seen arrangement
 * counts in, so p is never 0. Errors: statistics/argument.
 */
export function pairedRandomisation(
  n: number,
  statistic: (items: Int32Array) => number,
  { draws = 2000, seed = 1, clusters: clusterOf }: ResamplingOptions = {},
): PermutationTest {
  checkArgument(n > 0, "n", "an item or more", n);
  const clusters = clusterItems(n, clusterOf);
  const sides = [Int32Array.from({ length: n }, (_, i) => i), Int32Array.from({ length: n }, (_, i) => n + i)] as const;
  const seen = statistic(sides[1]) - statistic(sides[0]);
  const reach = Math.abs(seen) * (1 - 1e-9);
  const draw = random(seed);
  let [atLeast, defined] = [0, 0];
  for (let k = 0; k < draws; k++) {
    const [a, b] = [sides[0].slice(), sides[1].slice()];
    for (const cluster of clusters)
      if (draw.u32() & 1)
        for (const i of cluster) {
          a[i] = n + i;
          b[i] = i;
        }
    const difference = statistic(b) - statistic(a);
    if (Number.isNaN(difference)) continue;
    defined++;
    if (Math.abs(difference) >= reach) atLeast++;
  }
  return { difference: seen, p: (atLeast + 1) / (defined + 1), isExact: false };
}
