/** Histograms of latencies whose buckets each name the last request that fell into them. Exemplars are no series: one a bucket is kept, whoever asks. */
import { Histogram, type Registry } from "prom-client";

/** Characters of an exemplar's names and values together, as OpenMetrics bounds them. */
const mostExemplarCharacters = 128;

/** What leads from a bucket to a request: its id, and its trace's. What does not fit is left out, the trace first. */
export function exemplarLabels(requestId: string | undefined, traceId: string | null | undefined): Record<string, string> {
  const labels: Record<string, string> = {};
  let left = mostExemplarCharacters;
  for (const [name, value] of [
    ["request_id", requestId],
    ["trace_id", traceId],
  ] as const) {
    if (!value || name.length + value.length > left) continue;
    left -= name.length + value.length;
    labels[name] = value;
  }
  return labels;
}

interface LatencyOptions<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly L[];
  /** Seconds. */
  readonly buckets: readonly number[];
  readonly registry: Registry;
}

type ObserveLatency<L extends string> = (
  labels: Readonly<Record<L, string>>,
  seconds: number,
  requestId: string | undefined,
  traceId: string | null | undefined,
) => void;

export function latencyHistogram<L extends string>({ name, help, labelNames, buckets, registry }: LatencyOptions<L>): ObserveLatency<L> {
  const names: string[] = [...labelNames];
  const made = new Histogram<string>({
    name,
    help,
    labelNames: names,
    buckets: [...buckets],
    registers: [],
    enableExemplars: true,
  });
  // prom-client lets no registry of the classic format make one, though it may hold one: `exposition.ts` writes both formats
  registry.registerMetric(made);
  return (labels, value, requestId, traceId) => made.observe({ labels, value, exemplarLabels: exemplarLabels(requestId, traceId) });
}
