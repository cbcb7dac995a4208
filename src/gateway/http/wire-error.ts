/**
 * Errors as OpenAI's clients read them: `{ error: { message, type, param, code } }`, all four keys always; in a stream as an event. What is not an
 * error of the gateway's own becomes 500 with the request's id and no detail.
 */
import { isLoamError, redact } from "../../base/index.ts";
import { UpstreamRefusal } from "../routing/last-word.ts";
import type { StreamedApi } from "../streams/progress.ts";
import { isRow } from "../streams/usage.ts";
import { type FailureKind, failureRows, UpstreamFailure } from "../upstreams/failure.ts";

export interface WireError {
  readonly status: number;
  /** For the log and the metrics. */
  readonly ours: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface ErrorObject {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** OpenAI's words for the gateway's; `param` where the place is a parameter. */
const words: Readonly<Record<string, { readonly code: string; readonly param?: true }>> = {
  "gateway/body": { code: "invalid_body" },
  "gateway/parameter": { code: "invalid_value", param: true },
  "gateway/untranslated": { code: "unsupported_parameter", param: true },
  "gateway/unauthenticated": { code: "invalid_api_key" },
  "gateway/forbidden": { code: "not_allowed" },
  "gateway/blocked": { code: "content_policy_violation" },
  "gateway/unguarded": { code: "unguarded_address" },
  "gateway/unknownHeld": { code: "not_found" },
  "gateway/unknownObject": { code: "not_found", param: true },
  "gateway/sharedList": { code: "not_allowed" },
  "gateway/unknownModel": { code: "model_not_found" },
  "gateway/unknownUrl": { code: "unknown_url" },
  "gateway/method": { code: "method_not_supported" },
  "gateway/headers": { code: "headers_too_large" },
  "gateway/tooLarge": { code: "request_too_large" },
  "gateway/mediaType": { code: "unsupported_media_type" },
  "gateway/cancelled": { code: "cancelled" },
  "gateway/slowReader": { code: "cancelled" },
  "gateway/unknownKey": { code: "unknown_key" },
  "gateway/unknownRequest": { code: "unknown_request" },
  "gateway/unknownSubject": { code: "unknown_subject", param: true },
  "gateway/keyRevoked": { code: "key_revoked" },
  "gateway/lastAdmin": { code: "last_admin" },
  "gateway/unknownEntry": { code: "unknown_entry" },
  "gateway/entryTaken": { code: "entry_taken" },
  "gateway/entryInUse": { code: "entry_in_use" },
  "gateway/entryChanged": { code: "entry_changed" },
  "gateway/entryRevision": { code: "revision_required" },
  "gateway/config": { code: "invalid_config" },
  "gateway/stateLost": { code: "service_unavailable" },
  "gateway/upstream": { code: "upstream_error" },
  "gateway/cut": { code: "upstream_cut" },
  "gateway/unavailable": { code: "service_unavailable" },
  "gateway/notCached": { code: "not_cached" },
  "gateway/noCache": { code: "not_found" },
  "gateway/queueFull": { code: "queue_full" },
  "gateway/queueTime": { code: "queue_time" },
  "gateway/credentials": { code: "upstream_credentials" },
  "gateway/draining": { code: "service_unavailable" },
  "gateway/timeout": { code: "upstream_timeout" },
  "session/code": { code: "invalid_login_code" },
  "session/token": { code: "invalid_api_key" },
  "session/attempts": { code: "rate_limit_exceeded" },
  "session/forgery": { code: "not_allowed" },
};

/** Of each deadline its own, by the names of `timeouts`. */
const deadlines: { readonly [K in FailureKind]?: string } = {
  connectTimeout: "connect_timeout",
  firstByteTimeout: "first_byte_timeout",
  idleTimeout: "idle_timeout",
  totalTimeout: "total_timeout",
};

const types: Readonly<Record<number, string>> = { 401: "authentication_error", 403: "permission_error", 429: "rate_limit_error" };
const typeOf = (status: number): string => types[status] ?? (status < 500 ? "invalid_request_error" : "server_error");

/** Seconds after which a server that rests or drains may be asked again. */
const retrySeconds = 5;

/** The upstream's own error where it has OpenAI's form, else what can be said without it. */
function refusalBody({ status, body }: UpstreamRefusal): string {
  try {
    const value: unknown = JSON.parse(body);
    if (isRow(value) && isRow(value.error) && typeof value.error.message === "string") {
      const { message, type, param, code } = value.error;
      const whole: ErrorObject = {
        message: redact(message),
        type: typeof type === "string" ? type : typeOf(status),
        param: typeof param === "string" ? param : null,
        code: typeof code === "string" ? code : null,
      };
      return JSON.stringify({ error: whole });
    }
  } catch {
    // told below
  }
  const message = `The model's server refused the request (status ${status}).`;
  return JSON.stringify({ error: { message, type: typeOf(status), param: null, code: null } satisfies ErrorObject });
}

/** Errors that carry an answer of their own: a denial of the limits. */
export class ReadyAnswer extends Error {
  readonly wire: WireError;
  constructor(wire: WireError) {
    super(wire.ours);
    this.name = "ReadyAnswer";
    this.wire = wire;
  }
}

export function wireError(error: unknown, requestId: string): WireError {
  if (error instanceof ReadyAnswer) return error.wire;
  if (error instanceof UpstreamRefusal) {
    const { status, retryAfterMs } = error;
    const headers: Record<string, string> = retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) };
    return { status, ours: `upstream/${status}`, body: refusalBody(error), headers };
  }
  const wire = (status: number, ours: string, object: Omit<ErrorObject, "type">): WireError => ({
    status,
    ours,
    body: JSON.stringify({ error: { message: object.message, type: typeOf(status), param: object.param, code: object.code } }),
    headers: status === 503 ? { "retry-after": String(retrySeconds) } : {},
  });
  if (error instanceof UpstreamFailure) {
    const late = deadlines[error.kind];
    const message = `${failureRows[error.kind].sentence}.`;
    return wire(late ? 504 : 502, late ? "gateway/timeout" : "gateway/cut", { message, param: null, code: late ?? "upstream_cut" });
  }
  const known = isLoamError(error) ? words[error.code] : undefined;
  if (!isLoamError(error) || !known)
    return wire(500, "gateway/internal", {
      message: `Internal error. If it stays, report the request id ${requestId}.`,
      param: null,
      code: "internal_error",
    });
  const failure = error.cause instanceof UpstreamFailure ? error.cause : undefined;
  const code = (error.code === "gateway/timeout" && failure && deadlines[failure.kind]) || known.code;
  const param = known.param ? (error.problem.place ?? null) : null;
  const own = wire(error.status, error.code, { message: redact(error.message), param, code });
  const waitMs = code.startsWith("queue") ? failure?.retryAfterMs : undefined;
  return waitMs === undefined ? own : { ...own, headers: { "retry-after": String(Math.ceil(waitMs / 1000)) } };
}

/**
 * The error as an event of a stream, after which it closes; the official clients throw it. Of responses that is OpenAI's event with the error once more
 * as `error`: without it they give it as one event among others, and whoever looks for text alone takes the answer for whole.
 */
export function errorEvent(api: StreamedApi, error: unknown, requestId: string): Buffer {
  const { body } = wireError(error, requestId);
  if (api !== "responses") return Buffer.from(`data: ${body}\n\n`);
  const { error: own } = JSON.parse(body) as { readonly error: ErrorObject };
  const { message, code, param } = own;
  return Buffer.from(`event: error\ndata: ${JSON.stringify({ type: "error", code, message, param, sequence_number: 0, error: own })}\n\n`);
}
