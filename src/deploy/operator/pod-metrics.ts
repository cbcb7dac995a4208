/** What pods count, read from their `/metrics` (Prometheus text): requests, server errors, latencies by bucket, requests under way. */

export interface PodCounters {
  readonly requests: number;
  readonly errors: number;
  /** Requests up to each upper bound in seconds, cumulative; the last is "+Inf". */
  readonly buckets: Readonly<Record<string, number>>;
}

export interface PodFigures extends PodCounters {
  /** Running and queued. */
  readonly load: number;
}

const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Of inference alone: probes, metrics and administration are no measure of a version. */
const isInference = (route: string | undefined): boolean =>
  route?.startsWith("/v1/") === true && !route.startsWith("/v1/admin") && route !== "/v1/models";

export function podFigures(text: string): PodFigures {
  let [requests, errors, load] = [0, 0, 0];
  const buckets: Record<string, number> = {};
  for (const line of text.split("\n")) {
    if (!line.startsWith("loam_")) continue;
    const [, name, labels = "", value] = sample.exec(line) ?? [];
    const number = Number(value);
    if (!Number.isFinite(number)) continue;
    if (name === "loam_running_requests" || name === "loam_queued_requests") load += number;
    if (name !== "loam_http_requests_total" && name !== "loam_http_request_seconds_bucket") continue;
    const of = Object.fromEntries([...labels.matchAll(label)].map(([, k, v]) => [k!, v!]));
    if (!isInference(of.route)) continue;
    if (name === "loam_http_request_seconds_bucket") buckets[of.le!] = (buckets[of.le!] ?? 0) + number;
    else {
      requests += number;
      if (/^5/.test(of.status ?? "")) errors += number;
    }
  }
  return { requests, errors, buckets, load };
}

const zero: PodCounters = { requests: 0, errors: 0, buckets: {} };

/** What was counted since; a counter that fell began anew. */
export function countersSince(now: PodCounters, before: PodCounters): PodCounters {
  const from = now.requests < before.requests || now.errors < before.errors ? zero : before;
  return {
    requests: now.requests - from.requests,
    errors: now.errors - from.errors,
    buckets: Object.fromEntries(Object.entries(now.buckets).map(([le, n]) => [le, Math.max(0, n - (from.buckets[le] ?? 0))])),
  };
}

export const sumCounters = (all: readonly PodCounters[]): PodCounters => {
  const buckets: Record<string, number> = {};
  for (const c of all) for (const [le, n] of Object.entries(c.buckets)) buckets[le] = (buckets[le] ?? 0) + n;
  return { requests: all.reduce((s, c) => s + c.requests, 0), errors: all.reduce((s, c) => s + c.errors, 0), buckets };
};

/** Counts of each bucket by its own, with the value that stands for it: the geometric middle. In order. */
export function bucketValues(buckets: Readonly<Record<string, number>>): readonly (readonly [seconds: number, count: number])[] {
  const bounds = Object.keys(buckets)
    .map(le => (le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le)))
    .sort((a, b) => a - b);
  let below = 0;
  return bounds.map((bound, i) => {
    const upTo = buckets[bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound)] ?? 0;
    const count = Math.max(0, upTo - below);
    below = Math.max(below, upTo);
    const low = i === 0 ? bound / 2 : bounds[i - 1]!;
    return [bound === Number.POSITIVE_INFINITY ? low * 2 : Math.sqrt(low * bound), count] as const;
  });
}
