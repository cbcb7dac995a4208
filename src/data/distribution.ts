/** How measured values lie: bins, quantiles, and the share beyond a threshold. Long tails get bins that grow (by powers), others equal ones. */

export interface Distribution {
  readonly count: number;
  readonly least: number;
  readonly most: number;
  readonly median: number;
  /** 5 % and 95 % of values are at or below these. */
  readonly low: number;
  readonly high: number;
  readonly scale: "linear" | "log";
  /** One more than `bins`; the first bin also holds what is below it, the last what is above. */
  readonly edges: readonly number[];
  readonly bins: readonly number[];
}

/** Values that are counted: others (NaN, infinite) have no place on a line. */
const finite = (values: ArrayLike<number>): Float64Array => Float64Array.from(values).filter(Number.isFinite);

/** The value that a share `q` of the sorted values is at or below (nearest rank). */
const quantile = (sorted: Float64Array, q: number): number =>
  sorted[Math.max(0, Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1))]!;

/** A tail this much longer than the middle is drawn by powers. */
const longTail = 12;

/** Undefined where there is no number. `threshold` is within the edges, so that it can be drawn. */
export function distributionOf(values: ArrayLike<number>, numBins: number, threshold?: number): Distribution | undefined {
  const sorted = finite(values).sort();
  if (sorted.length === 0) return undefined;
  const [least, most] = [sorted[0]!, sorted.at(-1)!];
  const median = quantile(sorted, 0.5);
  // The outermost half percent at both ends shares the end bins: a single giant would make the rest one bar.
  let [from, to] = [quantile(sorted, 0.005), quantile(sorted, 0.995)];
  if (threshold !== undefined && Number.isFinite(threshold)) [from, to] = [Math.min(from, threshold), Math.max(to, threshold)];
  const isLog = from >= 0 && to > longTail * Math.max(median, Number.MIN_VALUE) && to > 10;
  if (to <= from) to = from + (Number.isInteger(from) ? 1 : Math.abs(from) || 1);
  // log(1 + x): zero has a place.
  const forth = isLog ? Math.log1p : (x: number) => x;
  const back = isLog ? Math.expm1 : (x: number) => x;
  const isWhole = !isLog && sorted.every(Number.isInteger) && to - from < numBins;
  const n = isWhole ? Math.ceil(to - from) + 1 : numBins;
  const [a, b] = isWhole ? [from, from + n] : withMargin(forth(from), forth(to), threshold, [least, most], forth);
  const edges = Array.from({ length: n + 1 }, (_, i) => back(a + ((b - a) * i) / n));
  const bins = new Array<number>(n).fill(0);
  for (const v of sorted) {
    const i = Math.floor(((forth(Math.max(v, isLog ? 0 : v)) - a) / (b - a)) * n);
    bins[Math.max(0, Math.min(n - 1, i))]!++;
  }
  return {
    count: sorted.length,
    least,
    most,
    median,
    low: quantile(sorted, 0.05),
    high: quantile(sorted, 0.95),
    scale: isLog ? "log" : "linear",
    edges,
    bins,
  };
}

/** Share of the picture that what is beyond a threshold has at least. */
const margin = 0.06;

/** Ends of a picture, moved out where a threshold stands at one and values are beyond it. */
function withMargin(
  a: number,
  b: number,
  threshold: number | undefined,
  [least, most]: readonly [number, number],
  forth: (x: number) => number,
): [number, number] {
  if (threshold === undefined || !Number.isFinite(threshold)) return [a, b];
  const [at, room] = [forth(threshold), margin * (b - a)];
  const from =
    least < threshold && at - a < room ? Math.min(a, Math.max(forth(Math.max(least, forth === Math.log1p ? 0 : least)), at - room)) : a;
  const to = most > threshold && b - at < room ? Math.max(b, Math.min(forth(most), at + room)) : b;
  return [from, to];
}

/** Where between the first edge (0) and the last (1) a value stands, by the picture's scale. */
export function placeIn({ edges, scale }: Pick<Distribution, "edges" | "scale">, value: number): number {
  const forth = scale === "log" ? (x: number) => Math.log1p(Math.max(0, x)) : (x: number) => x;
  const [a, b] = [forth(edges[0]!), forth(edges.at(-1)!)];
  return Math.max(0, Math.min(1, (forth(value) - a) / (b - a)));
}
