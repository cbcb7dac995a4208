/** Tracing as `loam serve` has it: off, unless a collector is named. OpenTelemetry is loaded only then. */
import { serveErrors } from "../errors.ts";
import type { OtlpOptions } from "./otlp.ts";
import type { Tracing } from "./tracing.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Where OTLP's traces are posted below a collector's address. */
const tracesPath = "v1/traces";

const isOff = (text: string | undefined): boolean => text?.trim().toLowerCase() === "true";

/**
 * Where spans go: below the address that was given, else where OpenTelemetry's variables say; undefined where nobody says so, or
 * `OTEL_SDK_DISABLED` or `OTEL_TRACES_EXPORTER=none` forbid it. Errors: serve/collector for what is no address.
 */
export function collectorUrl(given: string | undefined, env: Env = process.env): string | undefined {
  const below = (address: string, place: string) => {
    if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
      throw serveErrors.fail("collector", {
        place,
        expected: "an address such as http://127.0.0.1:4318",
        received: JSON.stringify(address.slice(0, 100)),
      });
    return new URL(address);
  };
  const base = (address: string, place: string) => {
    const url = below(address, place);
    if (!url.pathname.endsWith(`/${tracesPath}`)) url.pathname = `${url.pathname.replace(/\/$/, "")}/${tracesPath}`;
    return url.href;
  };
  if (given !== undefined) return base(given, "--otlp");
  if (isOff(env.OTEL_SDK_DISABLED) || env.OTEL_TRACES_EXPORTER === "none") return undefined;
  if (env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
    return below(env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").href;
  return env.OTEL_EXPORTER_OTLP_ENDPOINT ? base(env.OTEL_EXPORTER_OTLP_ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT") : undefined;
}

/** Loads OpenTelemetry and sends spans to a collector. */
export async function openTracing(options: OtlpOptions): Promise<Tracing> {
  const { otlpTracing } = await import("./otlp.ts");
  return otlpTracing(options);
}
