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
  return failureError(failure, model);
}

/** What the client is told of a failure; `place` names the model or the route. */
export function failureError(failure: UpstreamFailure, place: string): LoamError {
  const { kind, status, limit } = failure;
  const { sentence } = failureRows[kind];
  if (kind === "credentials")
    return gatewayErrors.fail(
      "credentials",
      { place, message: sentence, hint: "Tell the gateway's administrator; a retry does not help." },
      failure,
    );
  if (kind === "queueFull" || kind === "queueTime") {
    const message = limit ? `${sentence}: ${limit.setting} is ${limit.value}` : sentence;
    return gatewayErrors.fail(kind, { place, message, hint: hintOf(limit?.setting) }, failure);
  }
  const problem = { place, message: status === undefined ? sentence : `${sentence} (status ${status})` };
  if (kind.endsWith("Timeout")) return gatewayErrors.fail("timeout", { ...problem, hint: "Retry, or lower max_tokens." }, failure);
  return gatewayErrors.fail("upstream", { ...problem, hint: "Retry." }, failure);
}

const hintOf = (setting: string | undefined): string =>
  setting === undefined
    ? "Retry after the time in Retry-After."
    : `Retry after the time in Retry-After, or raise ${setting} in the gateway's configuration.`;
