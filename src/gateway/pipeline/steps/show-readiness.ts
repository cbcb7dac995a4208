import type { Answer } from "../../http/exchange.ts";
import { json } from "../../http/json-answer.ts";
import type { Arrival } from "../step.ts";

/** Whether new requests are taken, and a server can be asked. */
export function showReadiness({ gateway }: Arrival): Answer {
  const isReady = gateway.runtime.upstreams().some(u => u.state().isAvailable);
  const status = gateway.isLeaving ? "draining" : isReady ? "ready" : "not ready";
  return json({ status }, status === "ready" ? 200 : 503);
}
