/** What both exporters have in common: who sends, how a failure is told of once, and an end that waits for nobody. */
import { hostname } from "node:os";
import type { Env } from "./open-otlp.ts";

/** A batch that is not taken within this is given up. */
export const exportMs = 5_000;
/** The last batch of a server that stops gets this long. */
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

interface Resource {
  readonly attributes: Record<string, string>;
  getRawAttributes(): [string, string][];
  merge(other: unknown): Resource;
}

/** Of this process: two servers of one name are told apart by it. */
const instanceId = crypto.randomUUID();

/** Who sends. The SDK's own makers of it are in a package of their own, and fixed attributes need none of what they do. */
export function sentBy(version: string, service: string, env: Env): Resource {
  const attributes: Record<string, string> = {
    "service.name": service,
    "service.version": version,
    "service.instance.id": instanceId,
    "host.name": hostname(),
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.name": "opentelemetry",
    ...attributesIn(env.OTEL_RESOURCE_ATTRIBUTES ?? ""),
    ...(env.OTEL_SERVICE_NAME ? { "service.name": env.OTEL_SERVICE_NAME } : {}),
  };
  const made: Resource = { attributes, getRawAttributes: () => Object.entries(attributes), merge: () => made };
  return made;
}

interface ExportResult {
  readonly code: number;
  readonly error?: Error;
}
interface Exporter<B> {
  export(batch: B, done: (result: ExportResult) => void): void;
}

/** Says when sending begins to fail, and again after it went well. The exporter itself is changed: it has more methods than these. */
export function reportsFailure<B, E extends Exporter<B>>(exporter: E & Exporter<B>, onFailure: (error: unknown) => void): E {
  let isFailing = false;
  const send = exporter.export.bind(exporter);
  exporter.export = (batch, done) =>
    send(batch, result => {
      const fails = result.code !== 0;
      if (fails && !isFailing) onFailure(result.error);
      isFailing = fails;
      done(result);
    });
  return exporter;
}

/** Ends once, and within `lastMs`: what cannot be sent has been told of by then. */
export function closedOnce(shutdown: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined;
  const close = async () => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, lastMs);
    });
    await Promise.race([shutdown().catch(() => {}), late]);
    clearTimeout(timer);
  };
  return () => {
    closed ??= close();
    return closed;
  };
}
