/**
 * A circuit breaker: after failures in a row an upstream is left alone for a while, then one request may try it (half-open); if that one fails
 * too, the rest is twice as long. Plain state and pure functions. Nygard, "Release It!", chapter 5.
 */

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open the first time. */
  readonly openMs: number;
}

export interface Breaker {
  readonly failures: number;
  /** Openings in a row. */
  readonly openings: number;
  /** While open: until when. */
  readonly openUntilMs: number | undefined;
  /** A probe is under way since then. */
  readonly probeSinceMs: number | undefined;
}

/** An upstream that keeps failing is tried at least so often. */
const longestOpenMs = 5 * 60_000;
/** A probe of which nothing was heard is forgotten after this time, so that no upstream stays closed by a lost one. */
const probeMs = 2 * 60_000;

export const closedBreaker: Breaker = { failures: 0, openings: 0, openUntilMs: undefined, probeSinceMs: undefined };

export type BreakerState = "closed" | "open" | "halfOpen";

export function breakerState(b: Breaker, nowMs: number): BreakerState {
  if (b.openUntilMs === undefined) return "closed";
  return nowMs < b.openUntilMs ? "open" : "halfOpen";
}

/** Whether a request may go: always when closed, never when open, one at a time when half-open. */
export function mayTry(b: Breaker, nowMs: number): boolean {
  const state = breakerState(b, nowMs);
  if (state !== "halfOpen") return state === "closed";
  return b.probeSinceMs === undefined || nowMs - b.probeSinceMs > probeMs;
}

/** A request goes. */
export const tried = (b: Breaker, nowMs: number): Breaker => (breakerState(b, nowMs) === "halfOpen" ? { ...b, probeSinceMs: nowMs } : b);

/** It ended well. An answer to a request from before the opening changes nothing while it is open. */
export const succeeded = (b: Breaker, nowMs: number): Breaker =>
  breakerState(b, nowMs) === "open" || (b.failures === 0 && b.openUntilMs === undefined) ? b : closedBreaker;

/** It failed. */
export function failed(b: Breaker, nowMs: number, { failures, openMs }: BreakerOptions): Breaker {
  const state = breakerState(b, nowMs);
  if (state === "open") return b;
  const inRow = b.failures + 1;
  if (state === "closed" && inRow < failures) return { ...b, failures: inRow };
  const restMs = Math.min(openMs * 2 ** b.openings, longestOpenMs);
  return { failures: inRow, openings: b.openings + 1, openUntilMs: nowMs + restMs, probeSinceMs: undefined };
}

/** It ended without telling anything of the upstream (the client left): a probe makes room for the next. */
export const forgotten = (b: Breaker): Breaker => (b.probeSinceMs === undefined ? b : { ...b, probeSinceMs: undefined });
