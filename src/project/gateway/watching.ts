/** What a gateway that runs here tells of itself: traces and metrics to a collector, its log's file, events that nobody took. */
import { resolve } from "node:path";
import type { Writable } from "node:stream";
import { defined } from "../../base/index.ts";
import {
  type AccessLog,
  type GatewayConfig,
  type GatewayOptions,
  openAccessLog,
  openGatewayGenAi,
  openGatewayTracing,
} from "../../gateway/index.ts";
import { collectorUrl, metricsUrl } from "../../tracing/index.ts";
import { ownPackage } from "../package.ts";

type Watching = Pick<GatewayOptions, "tracing" | "genAi" | "onLost">;

/** `otlp`: the option, before what the file and OpenTelemetry's variables say. Errors: tracing/collector. */
export async function watching(
  { tracing }: Pick<GatewayConfig, "tracing">,
  otlp: string | undefined,
  warn: (text: string) => void,
): Promise<Watching> {
  const url = otlp === undefined ? tracing.url : collectorUrl(otlp);
  const onLost: Watching["onLost"] = (origin, event, why) => warn(`loam gateway: ${origin} did not take the event ${event.type} (${why})`);
  const metrics = otlp === undefined ? tracing.metricsUrl : metricsUrl(otlp);
  const { sample, service, headers } = tracing;
  const optionsOf = (what: string, to: string) => ({
    url: to,
    version: ownPackage().version,
    headers,
    onFailure: (error: unknown) =>
      warn(`loam gateway: ${what} do not reach ${new URL(to).origin} (${error instanceof Error ? error.message : String(error)})`),
    ...(service ? { service } : {}),
  });
  return {
    onLost,
    ...(url === undefined ? {} : { tracing: await openGatewayTracing({ ...optionsOf("traces", url), sample }) }),
    ...(metrics === undefined ? {} : { genAi: await openGatewayGenAi(optionsOf("metrics", metrics)) }),
  };
}

/** `isQuiet`: nothing to stdout, where it belongs to something else, or there is none. */
export function logOf(
  { log, folder }: Pick<GatewayConfig, "log" | "folder">,
  { stdout, isQuiet = stdout === undefined }: { readonly stdout?: Writable | undefined; readonly isQuiet?: boolean },
): AccessLog {
  const { to, sample, sizeBytes, keepMs } = log;
  const place = to === "stdout" ? (isQuiet ? "none" : to) : to === "none" ? to : resolve(folder, to);
  return openAccessLog({ to: place, sample, sizeBytes, keepMs, random: Math.random, ...defined({ stdout }) });
}
