/**
 * What the application tells of its requests to whoever traces them. A port: `spans.ts` makes OpenTelemetry's spans of it, and nothing of
 * OpenTelemetry is loaded where tracing is off.
 */
import type { Engine } from "../engine.ts";

/** What a request is for, in the words of OpenTelemetry's GenAI conventions. */
export type TracedOperation = "chat" | "text_completion" | "embeddings";

export interface ServedTracedRequest {
  readonly id: string;
  readonly method: string;
  readonly url: URL;
  /** W3C Trace Context, as the headers have it. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** How a request ended. */
export interface TracedEnd {
  /** The route's pattern. */
  readonly route: string;
  readonly operation?: TracedOperation | undefined;
  /** 499 where the client left. */
  readonly status: number;
  /** The code of the error that ended it. */
  readonly error?: string | undefined;
  /** The version that answered: `mail-small@3`. */
  readonly model?: string | undefined;
  /** The body as it was read; what was asked for is taken from it, and never a text of it. */
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** Tokens that an encoder read. */
  readonly inputTokens?: number | undefined;
}

export interface ServedRequestTrace {
  /** Null where it is not sampled. */
  readonly traceId: string | null;
  /** What runs inside, and what that awaits, belongs to the request. */
  within<T>(run: () => T): T;
  end(how: TracedEnd): void;
}

export interface Tracing {
  request(of: ServedTracedRequest): ServedRequestTrace;
  /** Answers of this engine become part of the requests that ask for them. */
  watch(engine: Engine): void;
  /** Sends what is there, for a few seconds at most. Never fails. */
  close(): Promise<void>;
}
