/** One request on its way through the application: its id, what is reported about it, and how a handler answers with a stream. */
import type { Context } from "hono";
import type { Engine, Generation } from "../engine.ts";
import type { Engines } from "../engines.ts";
import { eventStream } from "./event-stream.ts";
import { type WireError, wireError } from "./wire-error.ts";

export interface Exchange {
  readonly requestId: string;
  /** The route's pattern, for metrics; set by the router. */
  route: string;
  /** The engine that was asked, for Retry-After. */
  engine?: Engine;
  /** Methods that the address takes, when the request's is none of them. */
  allow?: string;
  /** The answer goes on after the handler has returned; whoever ends it calls `finish`. */
  isStreaming: boolean;
  finish(status: number, error?: string): void;
}

export interface AppEnvironment {
  readonly Variables: { readonly exchange: Exchange };
}
export type AppContext = Context<AppEnvironment>;

export interface Services {
  readonly engines: Engines;
  /** Seconds since 1970, now. */
  readonly created: () => number;
  readonly heartbeatMs: number;
}

/** Status that stands in logs and metrics for a client that left. */
export const clientLeft = 499;

/** Answers with a stream of chunks; the generations are cancelled when the client leaves. */
export function streamAnswer(
  c: AppContext,
  services: Services,
  generations: readonly Generation[],
  chunks: AsyncGenerator<unknown, void, undefined>,
): Response {
  const { exchange } = c.var;
  exchange.isStreaming = true;
  const cancel = () => {
    for (const g of generations) g.cancel();
  };
  return eventStream(chunks, {
    heartbeatMs: services.heartbeatMs,
    onError: (error): WireError => wireError(error, exchange.requestId),
    onLeave: cancel,
    onEnd: how => {
      if (how === undefined) exchange.finish(200);
      else if (how === "left") exchange.finish(clientLeft, "serve/cancelled");
      else exchange.finish(how.status, how.ours);
    },
  });
}

/** Fields that every answer and every chunk of one request have in common. */
export const answerHead = (id: string, object: string, engine: Engine, model: string, created: number) => ({
  id,
  object,
  created,
  model,
  system_fingerprint: engine.fingerprint,
});

export const newId = (prefix: string): string => `${prefix}-${crypto.randomUUID().replaceAll("-", "")}`;
