/**
 * Spans to a collector: OpenTelemetry's SDK and its exporter of OTLP over HTTP (JSON), the only file that loads them. Spans wait in a bounded
 * queue and leave in batches beside the serving; what does not fit or cannot be sent is dropped. Nothing is registered globally, so a program
 * with telemetry of its own keeps it. `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*` and
 * `OTEL_EXPORTER_OTLP_HEADERS` are read as everywhere.
 */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  BatchSpanProcessor,
  type NodeTracerConfig,
  NodeTracerProvider,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-node";
import { defined, environment } from "../base/index.ts";
import type { OtlpOptions, TraceExporter } from "./open-otlp.ts";

type Resource = NonNullable<NodeTracerConfig["resource"]>;

/** A batch that is not taken within this is given up. */
const exportMs = 5_000;
/** The last spans of a server that stops get this long. */
const lastMs = 2_000;

/** `key=value,key=value`, percent-encoded, as `OTEL_RESOURCE_ATTRIBUTES` has it. What is malformed is left out. */
function attributesIn(text: string): Record<string, string> {
  const pairs = text.split(",").flatMap(pair => {
    const at = pair.indexOf("=");
    try {
      return at > 0 ? [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())] as const] : [];
    } catch {
      return [];
    }
  });
  return Object.fromEntries(pairs);
}

/** Who sends. The SDK's own makers of it are in a package of their own, and fixed attributes need none of what they do. */
function resource(version: string, service: string, env: NonNullable<OtlpOptions["env"]>): Resource {
  const attributes: Record<string, string> = {
    "service.name": service,
    "service.version": version,
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.name": "opentelemetry",
    ...attributesIn(env.OTEL_RESOURCE_ATTRIBUTES ?? ""),
    ...(env.OTEL_SERVICE_NAME ? { "service.name": env.OTEL_SERVICE_NAME } : {}),
  };
  const made: Resource = { attributes, getRawAttributes: () => Object.entries(attributes), merge: () => made };
  return made;
}

/** Says when sending begins to fail. */
function told(exporter: SpanExporter, onFailure: (error: unknown) => void): SpanExporter {
  let isFailing = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, result => {
        const fails = result.code !== 0;
        if (fails && !isFailing) onFailure(result.error);
        isFailing = fails;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush ? { forceFlush: () => exporter.forceFlush!() } : {}),
  };
}

export function otlpExporter(options: OtlpOptions): TraceExporter {
  const { url, version, service = "loam", sample, headers, onFailure = () => {}, env = environment() } = options;
  const exporter = told(new OTLPTraceExporter({ url, timeoutMillis: exportMs, ...defined({ headers }) }), onFailure);
  const provider = new NodeTracerProvider({
    resource: resource(version, service, env),
    spanProcessors: [new BatchSpanProcessor(exporter, { exportTimeoutMillis: exportMs })],
    ...(sample === undefined ? {} : { sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sample) }) }),
  });
  let closed: Promise<void> | undefined;
  const close = async () => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, lastMs);
    });
    // what cannot be sent has been told of by then
    await Promise.race([provider.shutdown().catch(() => {}), late]);
    clearTimeout(timer);
  };
  return {
    tracer: provider.getTracer("loam", version),
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}
