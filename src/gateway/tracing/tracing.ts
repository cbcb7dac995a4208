/**
 * What the gateway tells of its requests to whoever traces them. A port: `spans.ts` makes OpenTelemetry's spans of it, and nothing of
 * OpenTelemetry is loaded where tracing is off. Then a caller's trace goes on to the upstream as it came, if it is well formed.
 */
import { defined } from "../../base/index.ts";
import { readTraceparent, readTracestate, type TracedFields } from "../../tracing/index.ts";
import type { HeaderReader } from "../http/node-request.ts";
import type { RequestRecord } from "../http/request-record.ts";

export interface TracedRequest {
  readonly id: string;
  readonly method: string;
  /** The route's pattern. */
  readonly path: string;
  readonly headers: HeaderReader;
}

export interface TracedAttempt {
  /** `upstream/model`. */
  readonly target: string;
  readonly upstream: string;
  /** As the upstream names it. */
  readonly model: string;
  readonly url: URL;
}

export interface RequestTrace {
  /** Of the trace, for the log; null where it is not sampled. */
  readonly traceId: string | null;
  /** What is asked for: numbers and the model's name are taken from it, and never a text. */
  asked(body: TracedFields): void;
  /** A call to an upstream begins: what it is told, so that its span stands below ours. */
  attempt(of: TracedAttempt): Readonly<Record<string, string>>;
  end(record: RequestRecord): void;
}

export interface GatewayTracing {
  request(of: TracedRequest): RequestTrace;
  /** Sends what is there, for a few seconds at most. Never fails. */
  close(): Promise<void>;
}

/** Probes, scrapes and looks would be most of the traces: reading is traced where its caller is. */
export const isTraced = ({ method, headers }: Pick<TracedRequest, "method" | "headers">): boolean =>
  (method !== "GET" && method !== "HEAD") || headers.has("traceparent");

const nothing: Readonly<Record<string, string>> = {};

/** The caller's own headers, for an upstream; none where they are malformed. */
export function callersHeaders(headers: HeaderReader): Readonly<Record<string, string>> {
  const traceparent = headers.get("traceparent");
  if (traceparent === null || !readTraceparent(traceparent)) return nothing;
  const tracestate = readTracestate(headers.get("tracestate"));
  return { traceparent: traceparent.trim(), ...defined({ tracestate }) };
}
