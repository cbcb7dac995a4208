/** Spans and metrics to a collector: off, unless one is named. OpenTelemetry's SDK is loaded only then. */
import type { Meter, Tracer } from "@opentelemetry/api";
import { environment } from "../base/index.ts";
import { tracingErrors } from "./errors.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export interface OtlpOptions {
  /** Where spans or metrics are posted: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Loam's version. */
  readonly version: string;
  /** Name of the service where `OTEL_SERVICE_NAME` names none; "loam" when absent. */
  readonly service?: string | undefined;
  /** Share of traces begun here that are sampled, 0 to 1; as `OTEL_TRACES_SAMPLER` says when absent. Whoever calls with a trace has decided. */
  readonly sample?: number | undefined;
  /** For the collector, beside those of `OTEL_EXPORTER_OTLP_HEADERS`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Once when they cannot be sent, and again after they could be. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
  readonly env?: Env;
}

export interface TraceExporter {
  readonly tracer: Tracer;
  /** Sends what is there, for a few seconds at most. Never fails. */
  close(): Promise<void>;
}

export interface OtlpMetricsOptions extends Omit<OtlpOptions, "sample"> {
  /** How often metrics are sent; `OTEL_METRIC_EXPORT_INTERVAL`, or 60 s, when absent. */
  readonly intervalMs?: number | undefined;
  /** Of the conventions that the metrics follow: `https://opentelemetry.io/schemas/1.37.0`. */
  readonly schemaUrl: string;
}

export interface MetricExporter {
  readonly meter: Meter;
  /** Sends what is there, for a few seconds at most. Never fails. */
  close(): Promise<void>;
}

/** What is sent: where it is posted below a collector's address, and the variables that say where, and whether. */
const signals = {
  traces: { path: "v1/traces", endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", exporter: "OTEL_TRACES_EXPORTER" },
  metrics: { path: "v1/metrics", endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", exporter: "OTEL_METRICS_EXPORTER" },
} as const;
type Signal = keyof typeof signals;

const isOff = (text: string | undefined): boolean => text?.trim().toLowerCase() === "true";

function postedTo(signal: Signal, given: string | undefined, env: Env, place: string): string | undefined {
  const { path, endpoint, exporter } = signals[signal];
  const below = (address: string, at: string) => {
    if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
      throw tracingErrors.fail("collector", {
        place: at,
        expected: "an address such as http://127.0.0.1:4318",
        received: JSON.stringify(address.slice(0, 100)),
      });
    return new URL(address);
  };
  const base = (address: string, at: string) => {
    const url = below(address, at);
    // an address that names one signal names the collector
    const root = url.pathname.replace(/\/(v1\/(traces|metrics)\/?)?$/, "");
    url.pathname = `${root}/${path}`;
    return url.href;
  };
  if (given !== undefined) return base(given, place);
  if (isOff(env.OTEL_SDK_DISABLED) || env[exporter] === "none") return undefined;
  const own = env[endpoint];
  if (own) return below(own, endpoint).href;
  return env.OTEL_EXPORTER_OTLP_ENDPOINT ? base(env.OTEL_EXPORTER_OTLP_ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT") : undefined;
}

/**
 * Where spans go: below the address that was given, else where OpenTelemetry's variables say; undefined where nobody says so, or
 * `OTEL_SDK_DISABLED` or `OTEL_TRACES_EXPORTER=none` forbid it. `place` names the option. Errors: tracing/collector for what is no address.
 */
export const collectorUrl = (given: string | undefined, env: Env = environment(), place = "--otlp"): string | undefined =>
  postedTo("traces", given, env, place);

/** Where metrics go, in the same way. `OTEL_METRICS_EXPORTER=none` forbids them beside an address that was given, too: not every collector takes them. */
export const metricsUrl = (given: string | undefined, env: Env = environment(), place = "--otlp"): string | undefined =>
  env.OTEL_METRICS_EXPORTER === "none" ? undefined : postedTo("metrics", given, env, place);

/** Loads OpenTelemetry and sends spans to a collector. */
export async function openOtlp(options: OtlpOptions): Promise<TraceExporter> {
  const { otlpExporter } = await import("./otlp.ts");
  return otlpExporter(options);
}

/** Loads OpenTelemetry and sends metrics to a collector, again and again. */
export async function openOtlpMetrics(options: OtlpMetricsOptions): Promise<MetricExporter> {
  const { otlpMetrics } = await import("./otlp-metrics.ts");
  return otlpMetrics(options);
}
