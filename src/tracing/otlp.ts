/**
 * Spans to a collector: OpenTelemetry's SDK and its exporter of OTLP over HTTP (JSON); `otlp-metrics.ts` does the same for metrics. Spans wait in a bounded
 * queue and leave in batches beside the serving; what does not fit or cannot be sent is dropped. Nothing is registered globally, so a program
 * with telemetry of its own keeps it. `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*` and
 * `OTEL_EXPORTER_OTLP_HEADERS` are read as everywhere.
 */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, NodeTracerProvider, ParentBasedSampler, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace-node";
import { defined, environment } from "../base/index.ts";
import type { OtlpOptions, TraceExporter } from "./open-otlp.ts";
import { closedOnce, exportMs, reportsFailure, sentBy } from "./otlp-sender.ts";

export function otlpExporter(options: OtlpOptions): TraceExporter {
  const { url, version, service = "loam", sample, headers, onFailure = () => {}, env = environment() } = options;
  const exporter = reportsFailure(new OTLPTraceExporter({ url, timeoutMillis: exportMs, ...defined({ headers }) }), onFailure);
  const provider = new NodeTracerProvider({
    resource: sentBy(version, service, env),
    spanProcessors: [new BatchSpanProcessor(exporter, { exportTimeoutMillis: exportMs })],
    ...(sample === undefined ? {} : { sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sample) }) }),
  });
  return { tracer: provider.getTracer("loam", version), close: closedOnce(() => provider.shutdown()) };
}
