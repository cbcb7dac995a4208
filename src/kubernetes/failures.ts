/** Answers that are not a success, as errors of this module with the API server's own reason, and when a request is worth sending again. */
import { isLoamError, type LoamError, withDetails } from "../base/index.ts";
import { kubernetesErrors } from "./errors.ts";

/** What the API server says about a failed request. */
export interface FailureDetails {
  readonly status: number;
  /** `AlreadyExists`, `Conflict`, `Expired`, ...: more exact than the status. */
  readonly reason: string;
  /** Field and message of each cause, where there are any. */
  readonly causes: readonly { readonly field: string; readonly message: string }[];
  readonly retryAfterMs: number | null;
}

type Code = keyof typeof kubernetesErrors.rows;

const codes: Readonly<Record<number, Code>> = {
  400: "invalid",
  401: "unauthorized",
  403: "forbidden",
  404: "notFound",
  405: "invalid",
  406: "invalid",
  409: "conflict",
  410: "gone",
  413: "invalid",
  415: "invalid",
  422: "invalid",
  429: "throttled",
};

interface StatusDocument {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly causes?: readonly { readonly field?: string; readonly message?: string }[];
    readonly retryAfterSeconds?: number;
  };
}

const asStatus = (value: unknown): StatusDocument | undefined =>
  typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "Status" ? (value as StatusDocument) : undefined;

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The error of a status document: of a response, or of an `ERROR` event of a watch. */
export function statusFailure(place: string, status: number, document: unknown, text = "", retryAfter?: string): LoamError {
  const s = asStatus(document);
  const seconds = retryAfter !== undefined && /^\d+$/.test(retryAfter) ? Number(retryAfter) : s?.details?.retryAfterSeconds;
  const details: FailureDetails = {
    status,
    reason: s?.reason ?? "",
    causes: (s?.details?.causes ?? []).map(c => ({ field: c.field ?? "", message: c.message ?? "" })),
    retryAfterMs: seconds === undefined ? null : seconds * 1000,
  };
  const code = codes[status] ?? (status >= 500 ? "unavailable" : "response");
  const reason = s?.message ?? text.slice(0, 200).trim();
  return withDetails(
    kubernetesErrors.fail(code, { place, message: `${status}${details.reason ? ` ${details.reason}` : ""}: ${reason || "no message"}` }),
    details,
  );
}

export const responseFailure = (place: string, status: number, text: string, retryAfter?: string): LoamError =>
  statusFailure(place, status, parsed(text), text, retryAfter);

/** What the API server said, where the error is an answer of it. */
export const failureDetails = (error: unknown): FailureDetails | undefined =>
  isLoamError(error) && error.details !== undefined && "retryAfterMs" in error.details ? (error.details as FailureDetails) : undefined;

export const isKubernetesError = (error: unknown, code: Code): boolean => isLoamError(error, `kubernetes/${code}`);

/** `create` of an object that exists already. */
export const isAlreadyThere = (error: unknown): boolean => failureDetails(error)?.reason === "AlreadyExists";

/** First delay, doubled each time, and the longest. */
const firstDelayMs = 100;
const longestDelayMs = 10_000;
/** A server that asks for a longer break is not waited for. */
const longestRetryAfterMs = 60_000;

/** Half of the delay by chance, so that clients that failed together do not come back together. */
export const retryBackoffMs = (attempt: number, uniform: number, longestMs = longestDelayMs): number => {
  const whole = Math.min(longestMs, firstDelayMs * 2 ** Math.min(attempt, 20));
  return whole / 2 + (whole / 2) * uniform;
};

/**
 * How long to wait before the same request is sent again; null: not again. A request that may have been carried out (5xx, a broken connection) is repeated
 * where that does no harm; one that was turned away (429, never connected) always.
 */
export function retryDelayMs(error: unknown, attempt: number, isRepeatable: boolean, uniform: number): number | null {
  const details = failureDetails(error);
  const wasSent = !(isLoamError(error) && error.details !== undefined && "wasSent" in error.details && error.details.wasSent === false);
  const isTurnedAway = isKubernetesError(error, "throttled") || (isKubernetesError(error, "unreachable") && !wasSent);
  const isUnknown = isKubernetesError(error, "unreachable") || isKubernetesError(error, "unavailable");
  if (!isTurnedAway && !(isUnknown && isRepeatable)) return null;
  const asked = details?.retryAfterMs ?? null;
  if (asked !== null && asked > longestRetryAfterMs) return null;
  return Math.max(asked ?? 0, retryBackoffMs(attempt, uniform));
}
