/**
 * Errors as clients read them. One object for all protocols, OpenAI's four keys; what of it a protocol shows is a row. What Loam does not know as an
 * error of its own becomes 500 with the request's id and no detail.
 */
import { isLoamError, redact } from "../base/index.ts";

export interface ErrorObject {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

export interface WireError {
  readonly status: number;
  /** The code of our own tables, for logs and metrics. */
  readonly ours: string;
  readonly error: ErrorObject;
  /** Figures beside the sentence, for protocols that have fields for them. */
  readonly details?: object;
}

/** OpenAI's code for an error of ours; `param` where the problem's place is a parameter. */
export interface ErrorCode {
  readonly code: string | null;
  readonly param?: true;
}

/** Of sessions, which server and gateway both have. */
export const sessionErrorCodes = {
  "session/code": { code: "invalid_login_code" },
  "session/token": { code: "invalid_api_key" },
  "session/attempts": { code: "rate_limit_exceeded" },
  "session/forgery": { code: "not_allowed" },
} as const satisfies Readonly<Record<string, ErrorCode>>;

/** Error types by status; the rest of 4xx is the request's fault, the rest of 5xx the server's. */
const types: Readonly<Record<number, string>> = { 401: "authentication_error", 403: "permission_error", 429: "rate_limit_error" };
const errorTypeOf = (status: number): string => types[status] ?? (status < 500 ? "invalid_request_error" : "server_error");

export const errorObject = (status: number, message: string, code: string | null, param: string | null = null): ErrorObject => ({
  message,
  type: errorTypeOf(status),
  param,
  code,
});

/** `internal`: the name of unknown failures in logs and metrics. */
export function wireErrorOf(
  error: unknown,
  {
    codes,
    internal,
    requestId,
  }: { readonly codes: Readonly<Record<string, ErrorCode>>; readonly internal: string; readonly requestId: string },
): WireError {
  const known = isLoamError(error) ? codes[error.code] : undefined;
  if (!isLoamError(error) || !known) {
    const message = `Internal error. If it stays, report the request id ${requestId}.`;
    return { status: 500, ours: internal, error: errorObject(500, message, "internal_error") };
  }
  const param = known.param ? (error.problem.place ?? null) : null;
  const wire = { status: error.status, ours: error.code, error: errorObject(error.status, redact(error.message), known.code, param) };
  return error.details === undefined ? wire : { ...wire, details: error.details };
}

const sentence = ({ error }: WireError) => ({ error: error.message });

/** llama.cpp's types of errors, by status and for what it has a type of its own. */
const llamaTypes: Readonly<Record<number, string>> = { 404: "not_found_error", 501: "not_supported_error", 503: "unavailable_error" };
const llamaType = ({ status, ours, error }: WireError): string =>
  ours === "serve/contextLength" ? "exceed_context_size_error" : (llamaTypes[status] ?? error.type);

/** vLLM's types of errors, by status; the rest are as OpenAI's. */
const vllmTypes: Readonly<Record<number, string>> = {
  400: "BadRequestError",
  404: "NotFoundError",
  500: "InternalServerError",
  503: "ServiceUnavailableError",
};

/** The body of an error in each protocol. */
export const errorBodies = {
  openai: ({ error }: WireError) => ({ error }),
  vllm: ({ status, error: { message, type, param } }: WireError) => ({
    error: { message, type: vllmTypes[status] ?? type, param, code: status },
  }),
  ollama: sentence,
  tensorflow: sentence,
  inference: sentence,
  llamaCpp: (wire: WireError) => ({
    error: { code: wire.status, message: wire.error.message, type: llamaType(wire), param: wire.error.param, ...wire.details },
  }),
};
