/** Metrics of routing: targets beside each other, rules, hedges, lines, load, copies. Labels are few: names of the configuration. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { RequestRecord } from "../http/request-record.ts";
import type { Upstream, UpstreamState } from "../upstreams/upstream.ts";
import { withoutEndpoint } from "./service-endpoints.ts";
import type { ShadowEvents } from "./shadow.ts";

/** Seconds. */
const buckets = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export interface RoutingMetrics extends ShadowEvents {
  request(record: RequestRecord): void;
}

interface RoutingWatched {
  readonly config: () => GatewayConfig;
  readonly upstreams: () => readonly Upstream[];
}

export function routingMetrics(registry: Registry, { config, upstreams }: RoutingWatched): RoutingMetrics {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `loam_gateway_${name}`, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Histogram({ name: `loam_gateway_${name}`, help, labelNames: [...labelNames], buckets, registers });
  /** Read when they are asked for; only of upstreams that have it. */
  const ofUpstream = (name: string, help: string, value: (s: UpstreamState) => number | undefined) =>
    new Gauge({
      name: `loam_gateway_${name}`,
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
  const targetRequests = counter("target_requests_total", "Answers of models with several targets, by target and status.", [
    "model",
    "target",
    "status",
  ]);
  const targetSeconds = histogram("target_seconds", "Time to the end of an answer, of models with several targets.", ["model", "target"]);
  const targetFirst = histogram("target_first_byte_seconds", "Time to the first byte, of models with several targets.", [
    "model",
    "target",
  ]);
  const targetTokens = counter("target_tokens_total", "Tokens of models with several targets: input, output.", ["model", "target", "kind"]);
  const ruled = counter("rule_requests_total", "Requests that a rule of their model sent where they went.", ["model", "rule"]);
  const hedged = counter("hedged_requests_total", "Hedged requests: sent to a second server because the first was slow.", ["model"]);
  const queued = histogram("queue_seconds", "Time in line of requests that waited for a server.", ["model"]);
  ofUpstream("queue_refused", "Requests that its full queue turned away, since the gateway began.", s => s.lane?.refused);
  ofUpstream("queue_expired", "Requests that waited for it as long as they may, since the gateway began.", s => s.lane?.expired);
  ofUpstream("upstream_waiting", "Requests in its own queue, as it says.", s => s.load?.waiting);
  ofUpstream("upstream_cache_use", "Share of its cache of keys and values that is in use, as it says.", s => s.load?.cacheUse);
  const copies = counter("shadow_requests_total", "Copies that ended, by what became of them; `skipped` where too many were under way.", [
    "model",
    "target",
    "how",
  ]);
  const copySeconds = histogram("shadow_seconds", "Time of a copy to the end of its answer.", ["model", "target"]);
  const copyTokens = counter("shadow_tokens_total", "Tokens of copies: input, output.", ["model", "target", "kind"]);
  const copySame = counter("shadow_same_total", "Copies whose text was the client's (`true`) or another.", ["model", "target", "same"]);
  return {
    request: r => {
      const { model } = r;
      if (model === null) return;
      if (r.rule !== null) ruled.inc({ model, rule: r.rule });
      if (r.isHedged) hedged.inc({ model });
      if (r.queuedMs > 0) queued.observe({ model }, r.queuedMs / 1000);
      const route = config().routes.get(model);
      if (r.target === null || route === undefined || (route.targets.length === 1 && route.shadow === undefined)) return;
      const target = withoutEndpoint(r.target);
      targetRequests.inc({ model, target, status: r.status });
      targetSeconds.observe({ model, target }, r.ms / 1000);
      if (r.firstMs !== null) targetFirst.observe({ model, target }, r.firstMs / 1000);
      if (r.inputTokens > 0) targetTokens.inc({ model, target, kind: "input" }, r.inputTokens);
      if (r.outputTokens > 0) targetTokens.inc({ model, target, kind: "output" }, r.outputTokens);
    },
    sent: ({ model, target, how, ms, inputTokens, outputTokens, isSame }) => {
      copies.inc({ model, target, how });
      copySeconds.observe({ model, target }, ms / 1000);
      if (inputTokens > 0) copyTokens.inc({ model, target, kind: "input" }, inputTokens);
      if (outputTokens > 0) copyTokens.inc({ model, target, kind: "output" }, outputTokens);
      if (isSame !== null) copySame.inc({ model, target, same: String(isSame) });
    },
    skipped: (model, target) => copies.inc({ model, target, how: "skipped" }),
  };
}
