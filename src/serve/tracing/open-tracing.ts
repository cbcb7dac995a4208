/** Telemetry as `loam serve` has it: off, unless a collector is named. OpenTelemetry is loaded only then. */
import { genAiSchemaUrl, type OtlpMetricsOptions, type OtlpOptions, openOtlp, openOtlpMetrics } from "../../tracing/index.ts";
import { genAiMetrics, joinedTracing } from "./gen-ai.ts";
import type { Tracing } from "./tracing.ts";

/** Loads OpenTelemetry and sends spans to a collector. */
export async function openTracing(options: OtlpOptions): Promise<Tracing> {
  const [{ spanTracing }, { tracer, close }] = await Promise.all([import("./spans.ts"), openOtlp(options)]);
  return spanTracing(tracer, close);
}

/** Loads OpenTelemetry and sends `gen_ai` metrics to a collector. */
async function openGenAiMetrics(options: Omit<OtlpMetricsOptions, "schemaUrl">): Promise<Tracing> {
  const { meter, close } = await openOtlpMetrics({ ...options, schemaUrl: genAiSchemaUrl });
  return genAiMetrics(meter, close);
}

interface TelemetryOptions extends Omit<OtlpOptions, "url" | "onFailure"> {
  /** Where spans are posted; none when absent. */
  readonly tracesUrl?: string | undefined;
  /** Where metrics are posted; none when absent. */
  readonly metricsUrl?: string | undefined;
  /** Told once when the collector does not take them. */
  readonly onFailure?: ((what: "traces" | "metrics", error: unknown) => void) | undefined;
}

/** Both, as far as they are wanted; undefined where neither is. */
export async function openTelemetry({ tracesUrl, metricsUrl, onFailure, ...options }: TelemetryOptions): Promise<Tracing | undefined> {
  const all = await Promise.all([
    ...(tracesUrl === undefined ? [] : [openTracing({ ...options, url: tracesUrl, onFailure: e => onFailure?.("traces", e) })]),
    ...(metricsUrl === undefined ? [] : [openGenAiMetrics({ ...options, url: metricsUrl, onFailure: e => onFailure?.("metrics", e) })]),
  ]);
  return joinedTracing(all);
}
