/** The model's guards: the request passes them now, and its answer the other way. */
import { GuardActs } from "../../guards/acts.ts";
import { filteredAnswer, GuardedEnd } from "../../guards/answer.ts";
import type { GuardAskModel } from "../../guards/contract.ts";
import { GuardFailure } from "../../guards/failure.ts";
import { guarded } from "../../guards/guarded.ts";
import type { AdmittedRequest } from "../../http/admitted-request.ts";
import { errorEvent, gatewayWireError } from "../../http/wire-error.ts";
import { innerRequest } from "../inner-request.ts";
import type { Adds, Reads } from "../step.ts";

type Needed = Reads<"identity" | "route" | "action" | Exclude<keyof AdmittedRequest, "exchange" | "headers" | "end">>;

/** Errors: GuardFailure. */
const askFrom =
  (x: Needed): GuardAskModel =>
  async ({ endpoint, body, timeoutMs }) => {
    let text: string | undefined;
    try {
      text = await innerRequest(x, { endpoint, body, timeoutMs, by: "guard", follows: false });
    } catch (error) {
      throw new GuardFailure("its model did not answer", error);
    }
    try {
      return JSON.parse(text ?? "") as unknown;
    } catch (error) {
      throw new GuardFailure("its model answered something that is no JSON", error);
    }
  };

/**
 * Stands before the cache: what that keeps holds placeholders and was not looked at, so each answer passes the guards of whoever gets it. Errors:
 * gateway/blocked, gateway/unavailable where a closed guard cannot judge, gateway/parameter (a response in the background), gateway/cancelled.
 */
export function guard(x: Needed): Adds<"ask"> | undefined | Promise<Adds<"ask">> {
  return x.route.guards.length === 0 ? undefined : pastGuards(x);
}

async function pastGuards(x: Needed): Promise<Adds<"ask">> {
  const { gateway, config, identity, ask, route, action, stop, hangUp, exchange, end } = x;
  const { clock, held, cutters, metrics } = gateway;
  const { reviews } = gateway.control;
  const acts = new GuardActs(metrics.guards);
  exchange.guards = acts;
  cutters.add(stop);
  let past: Awaited<ReturnType<typeof guarded>>;
  try {
    const { endpoint } = action;
    past = await guarded({
      guards: route.guards,
      ask,
      id: exchange.id,
      identity,
      model: route.name,
      endpoint,
      acts,
      held,
      reviews,
      stop,
      clock,
      askModel: askFrom(x),
    });
  } finally {
    cutters.delete(stop);
  }
  const { filters } = past;
  if (!filters) return { ask: past.ask };
  exchange.isFiltered = true;
  const ending = new GuardedEnd(filters, end);
  const given = {
    ask: past.ask,
    filters,
    readerMs: config.readerMs,
    hangUp,
    isOrdered: action.endpoint === "messages",
    errorEvent: (error: unknown) => errorEvent(ask.api.streamed ?? "chat", error, exchange.id),
    wireOf: (error: unknown) => gatewayWireError(error, exchange.id),
  };
  return { ask: past.ask, end: ending.upstream, onAnswer: answer => filteredAnswer(given, answer, ending) };
}
