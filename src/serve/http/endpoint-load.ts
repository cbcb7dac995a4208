/**
 * How loaded the engine that answered is, in a header of its response, for load balancers that choose by it: Open Request Cost Aggregation
 * (`endpoint-load-metrics`, as Envoy reads it), with the two metrics that vLLM names there. A request asks for it in a header of its own.
 */
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import type { Engine } from "../engine.ts";

/** In a request: `TEXT` or `JSON`. */
export const loadFormatHeader = "endpoint-load-metrics-format";
/** In the response to it. */
export const loadHeader = "endpoint-load-metrics";

/** The header's value; undefined where none was asked for, in a form that is not known, and of models that do not decode. */
export function endpointLoad(format: string | undefined, engine: Engine | EmbeddingEngine | undefined): string | undefined {
  const form = format?.toUpperCase();
  if ((form !== "TEXT" && form !== "JSON") || engine === undefined || !("room" in engine)) return undefined;
  const { running, queued, slots, cacheTokens, cacheRoom } = engine.stats();
  /** Above 1 where requests wait. */
  const utilisation = (running + queued) / slots;
  const metrics = { kv_cache_usage_perc: cacheRoom ? cacheTokens / cacheRoom : 0, num_requests_waiting: queued };
  if (form === "JSON") return `JSON ${JSON.stringify({ application_utilization: utilisation, named_metrics: metrics })}`;
  const named = Object.entries(metrics).map(([name, value]) => `named_metrics.${name}=${value}`);
  return `TEXT ${[`application_utilization=${utilisation}`, ...named].join(", ")}`;
}
