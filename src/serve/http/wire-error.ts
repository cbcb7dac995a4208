/**
 * Errors as OpenAI's clients read them: `{ error: { message, type, param, code } }`, all four keys always. What Loam does not know as an error
 * of its own becomes 500 with the request's id and no detail.
 */
import { isLoamError, redact } from "../../base/index.ts";

export interface WireError {
  readonly status: number;
  /** The code of our own table, for metrics: `serve/queueFull`; `internal` for unknown failures. */
  readonly ours: string;
  readonly body: {
    readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string | null };
  };
}

/** OpenAI's words for our codes; `param` where the problem's place is a parameter. */
const words: Readonly<Record<string, { readonly code: string | null; readonly param?: true }>> = {
  "serve/missing": { code: "missing_required_parameter", param: true },
  "serve/type": { code: "invalid_type", param: true },
  "serve/parameter": { code: "invalid_value", param: true },
  "serve/unsupported": { code: "unsupported_parameter", param: true },
  "serve/body": { code: null },
  "serve/contextLength": { code: "context_length_exceeded" },
  "serve/unknownModel": { code: "model_not_found", param: true },
  "serve/unknownVersion": { code: "model_not_found", param: true },
  "serve/unknownLabel": { code: "model_not_found", param: true },
  "serve/notLoaded": { code: "model_not_loaded" },
  "serve/inUse": { code: "model_in_use" },
  "serve/guarded": { code: "label_guarded" },
  "serve/load": { code: "model_load_failed" },
  "serve/adapter": { code: "adapter_not_loaded" },
  "serve/unauthenticated": { code: "invalid_api_key" },
  "session/code": { code: "invalid_login_code" },
  "session/token": { code: "invalid_api_key" },
  "session/attempts": { code: "rate_limit_exceeded" },
  "session/forgery": { code: "not_allowed" },
  "serve/unknownUrl": { code: "unknown_url" },
  "serve/unknownFile": { code: "not_found", param: true },
  "serve/unknownResponse": { code: "not_found", param: true },
  "serve/filesFull": { code: "storage_full" },
  "serve/batchesFull": { code: "rate_limit_exceeded" },
  "serve/method": { code: "method_not_supported" },
  "serve/tooLarge": { code: "request_too_large" },
  "serve/mediaType": { code: "unsupported_media_type" },
  "serve/host": { code: "host_not_allowed" },
  "serve/queueFull": { code: "rate_limit_exceeded" },
  "serve/notReady": { code: "service_unavailable" },
  "serve/draining": { code: "service_unavailable" },
  "serve/cancelled": { code: "cancelled" },
  "serve/slowReader": { code: "cancelled" },
  "serve/program": { code: "internal_error" },
  "nn/attribution": { code: "invalid_value", param: true },
  "nn/sampling": { code: "invalid_value" },
  "tune/job": { code: "invalid_status" },
  "tune/jobsFull": { code: "rate_limit_exceeded" },
  "text/constraint": { code: "invalid_value", param: true },
  "text/template": { code: "invalid_value" },
  "text/unknownId": { code: "invalid_value" },
  "text/tooLong": { code: "request_too_large" },
};

/** Error types by status; the rest of 4xx is the request's fault, the rest of 5xx the server's. */
const types: Readonly<Record<number, string>> = { 401: "authentication_error", 403: "permission_error", 429: "rate_limit_error" };
const typeOf = (status: number): string => types[status] ?? (status < 500 ? "invalid_request_error" : "server_error");

export function wireError(error: unknown, requestId: string): WireError {
  const known = isLoamError(error) ? words[error.code] : undefined;
  if (!isLoamError(error) || !known) {
    const message = `Internal error. If it stays, report the request id ${requestId}.`;
    return { status: 500, ours: "internal", body: { error: { message, type: "server_error", param: null, code: "internal_error" } } };
  }
  return {
    status: error.status,
    ours: error.code,
    body: {
      error: {
        message: redact(error.message),
        type: typeOf(error.status),
        param: known.param ? (error.problem.place ?? null) : null,
        code: known.code,
      },
    },
  };
}
