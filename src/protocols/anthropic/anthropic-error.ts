/** Errors as clients of Anthropic's API read them: `{ type: "error", error: { type, message } }`; the type follows the status. */

const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

export const anthropicError = (status: number, message: string) => ({
  type: "error" as const,
  error: { type: types[status] ?? (status < 500 ? "invalid_request_error" : "api_error"), message },
});
