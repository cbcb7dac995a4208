/** Errors of the gateway as OpenAI's clients read them, whole and as an event of a stream: its own, those of upstreams, and answers of the limits. */
import { isLoamError, redact } from "../../base/index.ts";
import {
  dataEvent,
  type ErrorCode,
  type ErrorObject,
  errorObject,
  isRow,
  namedEvent,
  sessionErrorCodes,
  wireErrorOf,
} from "../../protocols/index.ts";
import { UpstreamRefusal } from "../routing/last-word.ts";
import type { StreamedApi } from "../streams/progress.ts";
import { type FailureKind, failureRows, UpstreamFailure } from "../upstreams/failure.ts";

export interface GatewayErrorAnswer {
  readonly status: number;
  /** For the log and the metrics. */
  readonly ours: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** OpenAI's words for the gateway's; `param` where the place is a parameter. */
const codes: Readonly<Record<string, ErrorCode>> = {
  "gateway/body": { code: "invalid_body" },
  "gateway/parameter": { code: "invalid_value", param: true },
  "gateway/untranslated": { code: "unsupported_parameter", param: true },
  "gateway/unauthenticated": { code: "invalid_api_key" },
  "gateway/forbidden": { code: "not_allowed" },
  "gateway/blocked": { code: "content_policy_violation" },
  "gateway/unguarded": { code: "unguarded_address" },
  "gateway/unknownHeld": { code: "not_found" },
  "gateway/unknownReview": { code: "not_found" },
  "gateway/reviewConflict": { code: "conflict" },
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
  "gateway/feedbackRate": { code: "rate_limit_exceeded" },
  "gateway/unknownRequest": { code: "unknown_request", param: true },
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
  ...sessionErrorCodes,
};

/** Of each deadline its own, by the names of `timeouts`. */
const deadlines: { readonly [K in FailureKind]?: string } = {
  connectTimeout: "connect_timeout",
  firstByteTimeout: "first_byte_timeout",
  idleTimeout: "idle_timeout",
  totalTimeout: "total_timeout",
};

/** After which a server that rests or drains may be asked again. */
const retryMs = 5000;

/** The upstream's own error where it has OpenAI's form, else what can be said without it. */
function refusalError({ status, body }: UpstreamRefusal): ErrorObject {
  try {
    const value: unknown = JSON.parse(body);
    if (isRow(value) && isRow(value.error) && typeof value.error.message === "string") {
      const { message, type, param, code } = value.error;
      const own = errorObject(status, redact(message), typeof code === "string" ? code : null, typeof param === "string" ? param : null);
      return typeof type === "string" ? { ...own, type } : own;
    }
  } catch {
    // told below
  }
  return errorObject(status, `The model's server refused the request (status ${status}).`, null);
}

/** Errors that carry an answer of their own: a denial of the limits. */
export class ReadyAnswer extends Error {
  readonly wire: GatewayErrorAnswer;
  constructor(wire: GatewayErrorAnswer) {
    super(wire.ours);
    this.name = "ReadyAnswer";
    this.wire = wire;
  }
}

const retryAfter = (waitMs: number | undefined): GatewayErrorAnswer["headers"] =>
  waitMs === undefined ? {} : { "retry-after": String(Math.ceil(waitMs / 1000)) };

const wire = (status: number, ours: string, error: ErrorObject, waitMs?: number): GatewayErrorAnswer => ({
  status,
  ours,
  body: JSON.stringify({ error }),
  headers: retryAfter(waitMs),
});

function failureError({ kind }: UpstreamFailure): GatewayErrorAnswer {
  const late = deadlines[kind];
  const status = late ? 504 : 502;
  const error = errorObject(status, `${failureRows[kind].sentence}.`, late ?? "upstream_cut");
  return wire(status, late ? "gateway/timeout" : "gateway/cut", error);
}

export function gatewayWireError(error: unknown, requestId: string): GatewayErrorAnswer {
  if (error instanceof ReadyAnswer) return error.wire;
  if (error instanceof UpstreamRefusal) {
    const { status, retryAfterMs } = error;
    return wire(status, `upstream/${status}`, refusalError(error), retryAfterMs);
  }
  if (error instanceof UpstreamFailure) return failureError(error);
  const { status, ours, error: own } = wireErrorOf(error, { codes, internal: "gateway/internal", requestId });
  const failure = isLoamError(error) && error.cause instanceof UpstreamFailure ? error.cause : undefined;
  const code = (ours === "gateway/timeout" && failure && deadlines[failure.kind]) || own.code;
  const waitMs = code?.startsWith("queue") ? failure?.retryAfterMs : undefined;
  return wire(status, ours, { ...own, code }, waitMs ?? (status === 503 ? retryMs : undefined));
}

/**
 * The error as an event of a stream, after which it closes; the official clients throw it. Of responses that is OpenAI's event with the error once more
 * as `error`: without it they give it as one event among others, and whoever looks for text alone takes the answer for whole.
 */
export function errorEvent(api: StreamedApi, error: unknown, requestId: string): Buffer {
  const { body } = gatewayWireError(error, requestId);
  if (api !== "responses") return Buffer.from(dataEvent(body));
  const { error: own } = JSON.parse(body) as { readonly error: ErrorObject };
  const { message, code, param } = own;
  return Buffer.from(namedEvent("error", JSON.stringify({ type: "error", code, message, param, sequence_number: 0, error: own })));
}
