/**
 * Metrics to a collector: OpenTelemetry's metrics SDK and OTLP over HTTP (JSON). They are summed here (cumulative) and sent every minute beside the serving:
 * a collector that is down costs one warning and loses nothing, since the next batch tells of everything from the start. Nothing is registered globally.
 * The exporter is made of the two packages that the one for traces is made of; the package that joins them has no release for this version.
 */
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { JsonMetricsSerializer, MetricsExporterMetricsHelper } from "@opentelemetry/otlp-transformer";
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { defined, environment } from "../base/index.ts";
import type { MetricExporter, OtlpMetricsOptions } from "./open-otlp.ts";
import { closedOnce, exportMs, reportsFailure, sentBy } from "./otlp-sender.ts";

const defaultIntervalMs = 60_000;
/** Series of one metric. Names of models come from configurations; whatever else happens, memory is bounded. */
const mostSeries = 500;

class Exporter extends OTLPExporterBase<ResourceMetrics> implements PushMetricExporter {
  selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE;
  }
}

function intervalOf({ intervalMs, env = environment() }: OtlpMetricsOptions): number {
  const own = intervalMs ?? Number(env.OTEL_METRIC_EXPORT_INTERVAL ?? Number.NaN);
  return Number.isFinite(own) && own > 0 ? own : defaultIntervalMs;
}

export function otlpMetrics(options: OtlpMetricsOptions): MetricExporter {
  const { url, version, service = "loam", headers, onFailure = () => {}, env = environment(), schemaUrl } = options;
  const exportIntervalMillis = intervalOf(options);
  const timeoutMillis = Math.min(exportMs, exportIntervalMillis);
  const http = convertLegacyHttpOptions({ url, timeoutMillis, ...defined({ headers }) }, "METRICS", "v1/metrics", {
    "Content-Type": "application/json",
  });
  const delegate = createOtlpHttpExportDelegate(
    http,
    JsonMetricsSerializer,
    "otlp_http_metric_exporter",
    MetricsExporterMetricsHelper,
    undefined,
  );
  const reader = new PeriodicExportingMetricReader({
    exporter: reportsFailure<ResourceMetrics, Exporter>(new Exporter(delegate), onFailure),
    exportIntervalMillis,
    exportTimeoutMillis: timeoutMillis,
    cardinalityLimits: { default: mostSeries },
  });
  const provider = new MeterProvider({ resource: sentBy(version, service, env), readers: [reader] });
  return { meter: provider.getMeter("loam", version, { schemaUrl }), close: closedOnce(() => provider.shutdown()) };
}
