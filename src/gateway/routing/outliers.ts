/**
 * Which upstreams stand out among their peers by failing: they are left alone for a while even where no breaker opens, since answers in between
 * close it again. Never more than half of them, or the rest would drown. Envoy's outlier detection by success rate.
 */

interface OutlierCounts {
  readonly id: string;
  /** Of the last interval. */
  readonly answers: number;
  readonly failures: number;
}

/** Fewer requests than this say nothing. */
const leastRequests = 10;
/** Failing share above that of the middle peer. */
const excess = 0.3;

/** The ids to leave alone. */
export function outliers(counts: readonly OutlierCounts[]): string[] {
  const rates = counts
    .filter(c => c.answers + c.failures >= leastRequests)
    .map(c => ({ id: c.id, rate: c.failures / (c.answers + c.failures) }))
    .sort((a, b) => b.rate - a.rate);
  if (rates.length < 2) return [];
  // of an even number the lower middle: of two, the better one is the norm
  const middle = rates[Math.ceil((rates.length - 1) / 2)]!.rate;
  return rates
    .filter(r => r.rate > middle + excess)
    .slice(0, Math.floor(counts.length / 2))
    .map(r => r.id);
}
