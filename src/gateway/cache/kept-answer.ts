/** What the cache says to a client: a kept answer, the mark on a new one, and that there is none. */
import type { TokenUsage } from "../../protocols/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { AdmittedRequest } from "../http/admitted-request.ts";
import type { Answer } from "../http/exchange.ts";
import { gatewayWireError, ReadyAnswer } from "../http/wire-error.ts";
import { ignoredFields } from "../pipeline/ignored-fields.ts";
import { ageOf, replayed, streamHeaders } from "./replay.ts";
import type { KeptAnswer } from "./store.ts";

/** A kept answer, charged as `usage`; `similarity` where it is one to another question. */
export function keptAnswer(x: AdmittedRequest, kept: KeptAnswer, usage: TokenUsage, similarity: number | undefined): Answer {
  const { exchange, clock, end } = x;
  exchange.target = kept.target;
  exchange.firstMs = clock.monotonic() - exchange.startMs;
  const headers: Record<string, string> = {
    ...exchange.reservation?.headers(),
    "x-loam-target": kept.target,
    ...ignoredFields(x, kept.target),
    "x-loam-cache": similarity === undefined ? "hit" : "semantic",
    age: String(ageOf(kept, clock.now())),
    ...(similarity === undefined ? {} : { "x-loam-cache-similarity": similarity.toFixed(4) }),
  };
  if (kept.isStream)
    return { status: 200, headers: { ...streamHeaders, ...headers }, body: replayed(x, kept.body, how => end({ ...how, usage })) };
  end({ status: 200, usage });
  return { status: 200, headers: { "content-type": "application/json", ...headers }, body: kept.body };
}

export const marked = <A extends Answer>(answer: A, how: "miss" | "bypass"): A => ({
  ...answer,
  headers: { ...answer.headers, "x-loam-cache": how },
});

/** 504, as HTTP has it for a cache that may ask nobody; the official clients would otherwise try again. */
export function notCached(x: AdmittedRequest, message: string): ReadyAnswer {
  const hint = "Leave out only-if-cached.";
  const wire = gatewayWireError(gatewayErrors.fail("notCached", { place: "cache-control", message, hint }), x.exchange.id);
  return new ReadyAnswer({ ...wire, headers: { ...wire.headers, "x-should-retry": "false" } });
}
