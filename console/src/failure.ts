/** What can go wrong between page and server, as data: no answer, half of one, one that says no, one of another shape. */
import * as is from "./shape.ts";

export interface Failure {
  readonly kind: "unreachable" | "interrupted" | "refused" | "shape";
  readonly message: string;
  /** HTTP status, where there was an answer. */
  readonly status: number | null;
  readonly code: string | null;
  readonly hint: string | null;
}

export class FailureError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Loam's and OpenAI's error bodies: both name the sentence `message`. */
const errorBody = is.object({
  error: is.object({ message: is.string, code: is.nullish(is.union(is.string, is.number)), hint: is.nullish(is.string) }),
});

export const unreachable = (message: string): Failure => ({ kind: "unreachable", message, status: null, code: null, hint: null });
export const interrupted: Failure = {
  kind: "interrupted",
  message: "The server closed the stream before its end. What came until then is above.",
  status: null,
  code: null,
  hint: null,
};
export const wrongShape = (message: string): Failure => ({ kind: "shape", message, status: null, code: null, hint: null });

/** The failure that an error body says, or undefined where it is no error body. */
export function failureOfBody(body: unknown, status: number | null): Failure | undefined {
  const result = errorBody.safeParse(body);
  if (!result.success) return undefined;
  const { message, code, hint } = result.data.error;
  return { kind: "refused", message, status, code: code == null ? null : String(code), hint: hint ?? null };
}

/** The failure of a response that is not ok; its text may be JSON, a proxy's page or nothing. */
export function failureOfResponse(text: string, status: number): Failure {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const plain = /^\s*</.test(text) ? "" : text.trim().slice(0, 300);
  return (
    failureOfBody(body, status) ?? { kind: "refused", message: plain || `The server answered ${status}.`, status, code: null, hint: null }
  );
}

/** Whatever was thrown, as a failure: fetch throws a TypeError where no server answers. */
export function failureOf(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  if (error instanceof TypeError) return unreachable("The server does not answer.");
  return wrongShape(error instanceof Error ? error.message : String(error));
}
