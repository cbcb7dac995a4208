/** Prometheus metrics of the gateway. Names and units follow Prometheus' rules; labels are few and bounded (models and upstreams of the configuration). */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import {
  type HostOptions,
  hostMetrics,
  latencyHistogram,
  openMetricsText,
  openMetricsType,
  type ReadWatchFigures,
  watchMetrics,
} from "../../tracing/index.ts";
import type { GuardCounts } from "../guards/acts.ts";
import { guardMetrics } from "../guards/metrics.ts";
import { withoutEndpoint } from "../routing/service-endpoints.ts";
import type { ModelState } from "../upstreams/model-record.ts";
import type { Upstream, UpstreamState } from "../upstreams/upstream.ts";
import type { RequestRecord } from "./request-record.ts";

/** Seconds. */
const requestBuckets = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export interface GatewayMetrics {
  /** For parts of the gateway that have metrics of their own. */
  readonly registry: Registry;
  readonly contentType: string;
  text(): Promise<string>;
  /** The same series as OpenMetrics, with exemplars. */
  openText(): Promise<string>;
  readonly openContentType: string;
  request(record: RequestRecord): void;
  denied(limit: string, code: string): void;
  readonly guards: GuardCounts;
}

interface Watched extends HostOptions {
  readonly version: string;
  readonly inFlight: () => number;
  readonly upstreams: () => readonly Upstream[];
  /** Counts what has ended and waits to be counted. */
  readonly tell: () => void;
  /** What monitors say; no series of them when absent. */
  readonly watchFigures?: ReadWatchFigures | undefined;
}

const counterIn =
  (registry: Registry) =>
  <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `loam_gateway_${name}`, help, labelNames: [...labelNames], registers: [registry] });

export function createMetrics(watched: Watched): GatewayMetrics {
  const { version, inFlight, upstreams, tell } = watched;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: "loam_gateway_build_info", help: "Loam's version, as a label; always 1.", labelNames: ["version"], registers }).set(
    { version },
    1,
  );
  const requests = requestMetrics(registry);
  new Gauge({
    name: "loam_gateway_in_flight",
    help: "Requests whose answer has not ended.",
    registers,
    collect() {
      this.set(inFlight());
    },
  });
  upstreamMetrics(registry, upstreams);
  hostMetrics(registry, watched);
  watchMetrics(registry, watched.watchFigures);
  return {
    registry,
    guards: guardMetrics(registry),
    contentType: registry.contentType,
    text: () => {
      tell();
      return registry.metrics();
    },
    openText: () => {
      tell();
      return openMetricsText(registry);
    },
    openContentType: openMetricsType,
    ...requests,
  };
}

/** Of requests, when they have ended. */
function requestMetrics(registry: Registry): Pick<GatewayMetrics, "request" | "denied"> {
  const counter = counterIn(registry);
  /** Of latencies, each with the last request of every bucket. */
  const latency = <L extends string>(name: string, help: string, labelNames: readonly L[]) => {
    const observe = latencyHistogram({ name: `loam_gateway_${name}`, help, labelNames, buckets: requestBuckets, registry });
    return (labels: Readonly<Record<L, string>>, ms: number, { id, trace }: RequestRecord) => observe(labels, ms / 1000, id, trace);
  };
  const requests = counter("requests_total", "Requests by path, model and status; 499 where the client left.", ["path", "model", "status"]);
  const seconds = latency("request_seconds", "Time from a request to the end of its answer.", ["path"]);
  const firstByte = latency("first_byte_seconds", "Time from a request to the first byte of its answer.", ["model"]);
  const tokens = counter("tokens_total", "Tokens of answers that ended: input, cached (of the input), output.", ["model", "kind"]);
  const attempts = counter("upstream_attempts_total", "Calls to targets and what became of them.", ["target", "how"]);
  const resumed = counter("resumed_streams_total", "Answers that broke off and were gone on with by another upstream.", ["model"]);
  const denied = counter("denied_total", "Requests that a limit denied.", ["limit", "code"]);
  const errors = counter("errors_total", "Requests that ended with an error, by its code.", ["code"]);
  const warned = counter("limit_warnings_total", "Limits that were near, or in shadow mode would have denied.", ["warning"]);
  return {
    request: r => {
      const model = r.model ?? "none";
      requests.inc({ path: r.path, model, status: r.status });
      seconds({ path: r.path }, r.ms, r);
      if (r.firstMs !== null) firstByte({ model }, r.firstMs, r);
      if (r.inputTokens > 0) tokens.inc({ model, kind: "input" }, r.inputTokens);
      if (r.cachedTokens > 0) tokens.inc({ model, kind: "cached" }, r.cachedTokens);
      if (r.outputTokens > 0) tokens.inc({ model, kind: "output" }, r.outputTokens);
      for (const a of r.attempts) attempts.inc({ target: withoutEndpoint(a.target), how: a.how });
      if (r.resumed > 0) resumed.inc({ model }, r.resumed);
      if (r.error !== null) errors.inc({ code: r.error });
      for (const warning of r.warnings) warned.inc({ warning });
    },
    denied: (limit, code) => denied.inc({ limit, code }),
  };
}

/** Of upstreams and their models, as they are when somebody looks. */
function upstreamMetrics(registry: Registry, upstreams: () => readonly Upstream[]): void {
  const registers = [registry];
  const ofUpstream = (name: string, help: string, value: (u: UpstreamState) => number | undefined) =>
    new Gauge({
      name: `loam_gateway_upstream_${name}`,
      help,
      labelNames: ["upstream"],
      registers,
      collect() {
        this.reset();
        for (const u of upstreams()) {
          const now = value(u.state());
          if (now !== undefined) this.set({ upstream: u.id }, now);
        }
      },
    });
  /** Of each model of an upstream that was asked for. */
  const ofModel = (name: string, help: string, value: (m: ModelState) => number) =>
    new Gauge({
      name: `loam_gateway_upstream_model_${name}`,
      help,
      labelNames: ["upstream", "model"],
      registers,
      collect() {
        this.reset();
        for (const u of upstreams()) for (const m of u.state().models) this.set({ upstream: u.id, model: m.model }, value(m));
      },
    });
  ofUpstream("available", "1 where requests may be sent to the server.", s => (s.isAvailable ? 1 : 0));
  ofUpstream("outstanding", "Requests under way.", s => s.outstanding);
  ofUpstream("latency_seconds", "Time to the first byte, a moving average.", s => (s.latencyMs ?? 0) / 1000);
  ofUpstream("breaker_open", "1 while the server cannot be reached and its circuit breaker is open.", s => (s.breaker === "open" ? 1 : 0));
  ofUpstream("connections_in_use", "Connections to it that requests hold.", s => s.lane?.running);
  ofUpstream("connections_limit", "Most connections that requests may hold: connections, or concurrency.", s => s.lane?.concurrency);
  ofUpstream("connections_waiting", "Requests that wait for a connection.", s => s.lane?.waiting);
  ofModel("available", "1 where requests for the model may be sent to it.", m => (m.isAvailable ? 1 : 0));
  ofModel("breaker_open", "1 while the model's circuit breaker is open, for everybody or one key.", m => (m.breaker === "open" ? 1 : 0));
  ofModel("credentials_refused", "1 since the upstream refused the gateway's credentials, until it answers.", m =>
    m.refusesCredentials ? 1 : 0,
  );
}
