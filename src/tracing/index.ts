/** tracing: OpenTelemetry as the servers share it: where spans go, the one exporter, W3C Trace Context, what of a request may stand in a span. */
export { requestAttributes, requestModel, type TracedFields } from "./attributes.ts";
export { collectorUrl, type OtlpOptions, openOtlp, type TraceExporter } from "./open-otlp.ts";
export { spanTimeMs } from "./span-time.ts";
export { type CallersSpan, readTraceparent, readTracestate } from "./trace-context.ts";
export { type ReadWatchFigures, type WatchFigures, watchMetrics } from "./watch-figures.ts";
