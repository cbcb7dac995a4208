/** What the pipeline of a request calls of guards: before a model is asked, and around its answer. */
import type { ModelRoute } from "../config/read-config.ts";
import type { Endpoint, Identity } from "../contract.ts";
import type { Gateway } from "../gateway.ts";
import type { Ask } from "../http/ask.ts";
import type { Answer, End, Exchange } from "../http/exchange.ts";
import { errorEvent, wireError } from "../http/wire-error.ts";
import type { Stop } from "../upstreams/stop.ts";
import { GuardActs } from "./acts.ts";
import { filteredAnswer, GuardedEnd } from "./answer.ts";
import { guarded } from "./guarded.ts";

export interface AtGuards {
  readonly route: ModelRoute;
  readonly ask: Ask;
  readonly exchange: Exchange;
  readonly identity: Identity;
  readonly endpoint: Endpoint;
  readonly stop: Stop;
  readonly hangUp: (() => void) | undefined;
  /** Told when the answer has ended behind the guards. */
  readonly end: (end: End) => void;
}

export interface PastGuards {
  /** As the model is asked. */
  readonly ask: Ask;
  /** Whether the answer is looked at. */
  readonly looks: boolean;
  /** To be told how the server's part ended. */
  readonly onEnd: (end: End) => void;
  answer(answer: Answer): Answer | Promise<Answer>;
}

/** Errors: gateway/blocked, gateway/unavailable where a closed guard cannot judge, gateway/cancelled. */
export async function pastGuards(gateway: Gateway, at: AtGuards): Promise<PastGuards> {
  const { route, exchange, identity, endpoint, stop, hangUp, end } = at;
  const { clock, held, cutters, metrics, config } = gateway;
  const acts = new GuardActs(metrics.guards);
  exchange.guards = acts;
  cutters.add(stop);
  let past: Awaited<ReturnType<typeof guarded>>;
  try {
    past = await guarded({
      guards: route.guards,
      ask: at.ask,
      id: exchange.id,
      identity,
      model: route.name,
      endpoint,
      acts,
      held,
      stop,
      clock,
    });
  } finally {
    cutters.delete(stop);
  }
  const { ask, filters } = past;
  if (!filters) return { ask, looks: false, onEnd: end, answer: answer => answer };
  const ending = new GuardedEnd(filters, end);
  const given = {
    ask,
    filters,
    readerMs: config.readerMs,
    hangUp,
    isOrdered: endpoint === "messages",
    errorEvent: (error: unknown) => errorEvent(ask.api.streamed ?? "chat", error, exchange.id),
    wireOf: (error: unknown) => wireError(error, exchange.id),
  };
  return { ask, looks: true, onEnd: ending.upstream, answer: answer => filteredAnswer(given, answer, ending) };
}
