/** What a load says of a server: throughput, waits, and the concurrency from which on more requests only wait. Pure. */
import type { LoadResponse } from "./load.ts";
import type { MeasuredPoint } from "./measured-file.ts";

/** The smallest value that at least the share `p` of all is not above. */
function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? 0;
}

const both = (values: readonly number[]) => ({ p50: quantile(values, 0.5), p99: quantile(values, 0.99) });

/** Tokens per second from the first request to the last end. */
export function loadPoint(concurrency: number, responses: readonly LoadResponse[]): MeasuredPoint {
  const seconds = (Math.max(...responses.map(r => r.endedMs)) - Math.min(...responses.map(r => r.sentMs))) / 1000;
  return {
    concurrency,
    requests: responses.length,
    tokensPerSecond: responses.reduce((sum, r) => sum + r.completionTokens, 0) / seconds,
    firstTokenMs: both(responses.map(r => (r.pieceMs[0] ?? r.endedMs) - r.sentMs)),
    interTokenMs: both(responses.flatMap(r => r.pieceMs.slice(1).map((t, i) => t - r.pieceMs[i]!))),
  };
}

/** Of the greatest throughput, what the knee has. */
const kneeShare = 0.9;
/** Of the knee, the load at which a further pod is started: it takes a moment to come. */
const headroom = 0.8;

/** The least concurrency with nine tenths of the greatest throughput. */
export function kneeOf(points: readonly MeasuredPoint[]): MeasuredPoint {
  const most = Math.max(...points.map(p => p.tokensPerSecond));
  return points.toSorted((a, b) => a.concurrency - b.concurrency).find(p => p.tokensPerSecond >= kneeShare * most)!;
}

export const requestsPerPodOf = (knee: MeasuredPoint): number => Math.max(1, Math.floor(headroom * knee.concurrency));

/** Seconds that an answer of the whole context takes while every sequence is busy; undefined where no tokens came one after another. */
export function longestAnswerSeconds(points: readonly MeasuredPoint[], slots: number, context: number): number | undefined {
  const busiest = points.toSorted((a, b) => a.concurrency - b.concurrency).find(p => p.concurrency >= slots) ?? points.at(-1);
  const seconds = busiest && (busiest.firstTokenMs.p99 + (context - 1) * busiest.interTokenMs.p50) / 1000;
  return seconds !== undefined && busiest!.interTokenMs.p50 > 0 ? seconds : undefined;
}

/** 1, 2, 4, ... up to twice the slots: behind the slots, requests wait. */
export function concurrencies(slots: number): readonly number[] {
  const all = new Set<number>();
  for (let n = 1; n < slots; n *= 2) all.add(n);
  return [...all, slots, 2 * slots];
}
