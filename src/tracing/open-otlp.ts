/** Spans to a collector: off, unless one is named. OpenTelemetry's SDK is loaded only then. */
import type { Tracer } from "@opentelemetry/api";
import { environment } from "../base/index.ts";
import { tracingErrors } from "./errors.ts";

type Env = Readonly<Record<string, string | undefined>>;

export interface OtlpOptions {
  /** Where spans are posted: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Loam's version. */
  readonly version: string;
  /** Name of the service where `OTEL_SERVICE_NAME` names none; "loam" when absent. */
  readonly service?: string | undefined;
  /** Share of traces begun here that are sampled, 0 to 1; as `OTEL_TRACES_SAMPLER` says when absent. Whoever calls with a trace has decided. */
  readonly sample?: number | undefined;
  /** For the collector, beside those of `OTEL_EXPORTER_OTLP_HEADERS`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Once when spans cannot be sent, and again after they could be. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
  readonly env?: Env;
}

export interface TraceExporter {
  readonly tracer: Tracer;
  /** Sends what is there, for a few seconds at most. Never fails. */
  close(): Promise<void>;
}

/** Where OTLP's traces are posted below a collector's address. */
const tracesPath = "v1/traces";

const isOff = (text: string | undefined): boolean => text?.trim().toLowerCase() === "true";

/**
 * Where spans go: below the address that was given, else where OpenTelemetry's variables say; undefined where nobody says so, or
 * `OTEL_SDK_DISABLED` or `OTEL_TRACES_EXPORTER=none` forbid it. `place` names the option. Errors: tracing/collector for what is no address.
 */
export function collectorUrl(given: string | undefined, env: Env = environment(), place = "--otlp"): string | undefined {
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
    if (!url.pathname.endsWith(`/${tracesPath}`)) url.pathname = `${url.pathname.replace(/\/$/, "")}/${tracesPath}`;
    return url.href;
  };
  if (given !== undefined) return base(given, place);
  if (isOff(env.OTEL_SDK_DISABLED) || env.OTEL_TRACES_EXPORTER === "none") return undefined;
  if (env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
    return below(env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").href;
  return env.OTEL_EXPORTER_OTLP_ENDPOINT ? base(env.OTEL_EXPORTER_OTLP_ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT") : undefined;
}

/** Loads OpenTelemetry and sends spans to a collector. */
export async function openOtlp(options: OtlpOptions): Promise<TraceExporter> {
  const { otlpExporter } = await import("./otlp.ts");
  return otlpExporter(options);
}
