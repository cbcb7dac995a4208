/** tracing: telemetry as the servers share it: OpenTelemetry (where spans and metrics go, W3C Trace Context, what of a request may leave), OpenMetrics, host metrics. */
export { requestAttributes, requestModel, type TracedFields } from "./attributes.ts";
export { latencyHistogram } from "./exemplars.ts";
export { acceptsOpenMetrics, type MetricAlias, openMetricsText, openMetricsType } from "./exposition.ts";
export { type GenAiMetric, genAiAttributes, genAiHistogram, genAiSchemaUrl } from "./gen-ai-metrics.ts";
export { type HostOptions, hostMetrics } from "./host-metrics.ts";
export {
  collectorUrl,
  type MetricExporter,
  metricsUrl,
  type OtlpMetricsOptions,
  type OtlpOptions,
  openOtlp,
  openOtlpMetrics,
  type TraceExporter,
} from "./open-otlp.ts";
export { spanTimeMs } from "./span-time.ts";
export { type CallersSpan, readTraceparent, readTracestate } from "./trace-context.ts";
export { type ReadWatchFigures, type WatchFigures, watchMetrics } from "./watch-figures.ts";
