/** A denial of the limits as the answer that they wrote. */
import type { GatewayMetrics } from "../http/metrics.ts";
import { ReadyAnswer } from "../http/wire-error.ts";
import type { Demand, Denial, Limits, Reservation, Subjects } from "./contract.ts";

type Denials = Pick<GatewayMetrics, "denied">;

/** Errors: an answer of 429, 413 or 503 that the limits wrote. */
export function reserveRoom(limits: Limits, metrics: Denials, subjects: Subjects, demand: Demand): Reservation | Promise<Reservation> {
  const answer = limits.reserve(subjects, demand);
  return answer instanceof Promise ? answer.then(a => granted(a, metrics)) : granted(answer, metrics);
}

function granted(answer: Reservation | Denial, metrics: Denials): Reservation {
  if (answer.denial === undefined) return answer;
  const { status, code, limit } = answer.denial;
  metrics.denied(limit ?? "none", code);
  throw new ReadyAnswer({ status, ours: `limits/${code}`, body: JSON.stringify(answer.body()), headers: answer.headers() });
}
