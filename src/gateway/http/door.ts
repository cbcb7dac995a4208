/**
 * What every request passes before a model is asked: who is it (`authenticate`), may they (`decide`), is there room (`reserve`). The parts that
 * answer are the control's; here their answers become errors of the wire.
 */
import type { Action, Authentication, Control, Demand, Denial, Identity, Reservation, Subjects } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import { credentialsOf } from "../identity/credentials.ts";
import type { Exchange } from "./exchange.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { HeaderReader } from "./node-request.ts";
import { ReadyAnswer } from "./wire-error.ts";

/** Errors: an answer of 401 or 503 with its challenge. The detail goes to the log alone. */
export function admitted(control: Control, headers: HeaderReader, exchange: Exchange): Identity | Promise<Identity> {
  if (exchange.signed) return entered(exchange.signed, exchange);
  const credentials = credentialsOf(name => headers.get(name));
  if ("status" in credentials) return entered({ refusal: credentials }, exchange);
  const byCookie = credentials.token === undefined ? control.sessionOf?.(name => headers.get(name), exchange.method) : undefined;
  if (byCookie) return entered({ identity: byCookie }, exchange);
  const { certificate } = exchange;
  const answer = control.authenticate(certificate === undefined ? credentials : { ...credentials, certificate });
  return answer instanceof Promise ? answer.then(a => entered(a, exchange)) : entered(answer, exchange);
}

function entered({ identity, refusal }: Authentication, exchange: Exchange): Identity {
  if (identity) {
    exchange.identity = identity;
    return identity;
  }
  exchange.detail = refusal.detail;
  const isLate = refusal.status === 503;
  throw new ReadyAnswer({
    status: refusal.status,
    ours: isLate ? "gateway/unavailable" : "gateway/unauthenticated",
    body: JSON.stringify({
      error: {
        message: refusal.message,
        type: isLate ? "server_error" : "authentication_error",
        param: null,
        code: isLate ? "service_unavailable" : "invalid_api_key",
      },
    }),
    headers: isLate ? { "retry-after": "5" } : { "www-authenticate": refusal.challenge },
  });
}

/** Errors: gateway/forbidden with the policy's sentence. */
export function allowed(control: Control, identity: Identity, action: Action): void {
  const decision = control.decide(identity, action);
  if (decision.allowed) return;
  throw gatewayErrors.fail("forbidden", {
    place: action.model ?? action.endpoint,
    message: decision.reason,
    hint: "Ask your administrator; `loam gateway explain` says which rule decides.",
  });
}

/** As `allowed`, for a further name of a model that was allowed by another: only a policy that denies it counts. Errors: gateway/forbidden. */
export function notDenied(control: Control, identity: Identity, action: Action): void {
  if (control.decide(identity, action).policy !== null) allowed(control, identity, action);
}

/** Room for a request. Errors: an answer of 429, 413 or 503 that the limits wrote. */
export function reserved(
  control: Control,
  metrics: GatewayMetrics,
  subjects: Subjects,
  demand: Demand,
): Reservation | Promise<Reservation> {
  const answer = control.limits.reserve(subjects, demand);
  return answer instanceof Promise ? answer.then(a => granted(a, metrics)) : granted(answer, metrics);
}

function granted(answer: Reservation | Denial, metrics: GatewayMetrics): Reservation {
  if (answer.denial === undefined) return answer;
  const { status, code, limit } = answer.denial;
  metrics.denied(limit ?? "none", code);
  throw new ReadyAnswer({ status, ours: `limits/${code}`, body: JSON.stringify(answer.body()), headers: answer.headers() });
}
