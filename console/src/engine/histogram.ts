/**
 * Quantiles out of Prometheus text (exposition format 0.0.4): the buckets of one histogram, summed over its labels, and the interpolation
 * that PromQL's `histogram_quantile` makes. A quantile in the last, open bucket is its lower bound: more is not known.
 */

/** Upper bounds, rising, with how many values are at or below each. */
export type Buckets = readonly (readonly [bound: number, count: number])[];

/** With `model` only of the version of this id, where lines name one. */
export function bucketsOf(text: string, name: string, model?: string | null): Buckets {
  const counts = new Map<number, number>();
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${name}_bucket{`)) continue;
    const of = /[{,]model="([^"]*)"/.exec(line)?.[1];
    if (model && of !== undefined && of !== model) continue;
    const bound = /[{,]le="([^"]+)"/.exec(line)?.[1];
    const value = Number(/\} (\S+)/.exec(line)?.[1]);
    if (bound === undefined || Number.isNaN(value)) continue;
    const at = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    counts.set(at, (counts.get(at) ?? 0) + value);
  }
  return [...counts].sort(([a], [b]) => a - b);
}

/** Values between two bounds; the empty ones at both ends are left out. */
export function barsOf(buckets: Buckets): readonly { readonly from: number; readonly to: number; readonly count: number }[] {
  const bars = buckets.map(([to, count], i) => ({ from: buckets[i - 1]?.[0] ?? 0, to, count: count - (buckets[i - 1]?.[1] ?? 0) }));
  const isFull = (b: { readonly count: number }) => b.count > 0;
  return bars.slice(bars.findIndex(isFull) < 0 ? bars.length : bars.findIndex(isFull), bars.findLastIndex(isFull) + 1);
}

/** The value that the share `q` (0 to 1) of all is at or below; null where nothing was measured. */
export function quantile(buckets: Buckets, q: number): number | null {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const rank = q * total;
  const i = buckets.findIndex(([, count]) => count >= rank);
  const [bound, count] = buckets[i]!;
  const [below, before] = i === 0 ? [0, 0] : buckets[i - 1]!;
  if (bound === Number.POSITIVE_INFINITY) return below;
  return count === before ? bound : below + ((bound - below) * (rank - before)) / (count - before);
}
