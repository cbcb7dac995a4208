/** What the client is told where no server gave an answer: the server's own word, or what went wrong with the last one. */
import type { LoamError } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import { failureRows, type UpstreamFailure } from "../upstreams/failure.ts";

/** The upstream's own word against the request (a 4xx): passed on, no other target would say otherwise. */
export class UpstreamRefusal extends Error {
  readonly status: number;
  readonly body: string;
  readonly retryAfterMs: number | undefined;
  constructor(status: number, body: string, retryAfterMs?: number) {
    super(`the upstream answered ${status}`);
    this.name = "UpstreamRefusal";
    this.status = status;
    this.body = body;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Where nobody is left to ask. */
export function lastWord(failure: UpstreamFailure, model: string): LoamError | UpstreamRefusal {
  if (failure.kind === "busy" && failure.body !== undefined) return new UpstreamRefusal(429, failure.body, failure.retryAfterMs);
  const { sentence } = failureRows[failure.kind];
  const status = failure.status === undefined ? "" : ` (status ${failure.status})`;
  const problem = { place: model, message: `${sentence}${status}` };
  if (failure.kind === "queueFull" || failure.kind === "queueTime")
    return gatewayErrors.fail(failure.kind, { ...problem, hint: "Try again after the time that the answer says." }, failure);
  if (failure.kind.endsWith("Timeout"))
    return gatewayErrors.fail("timeout", { ...problem, hint: "Try again, or ask for a shorter answer." }, failure);
  return gatewayErrors.fail("upstream", { ...problem, hint: "Try again." }, failure);
}
