/**
 * A circuit breaker: after failures in a row nothing is sent for a while, then one request may try (half-open); if that one fails too, the pause is
 * twice as long. Failures count by distinct requests, and open it for everybody only where they are of more than one caller: one caller's prompts
 * that break a server stop that caller alone. Plain state and pure functions. Nygard, "Release It!", chapter 5.
 */

export interface BreakerOptions {
  /** Distinct requests that fail in a row and open it. */
  readonly failures: number;
  /** How long it stays open the first time. */
  readonly openMs: number;
}

/** What failed. */
export interface FailedRequest {
  /** Tells the same request sent again from another; undefined: it is counted as another. */
  readonly request: string | undefined;
  /** Whose it is; undefined: no caller's request can be the cause. */
  readonly caller: string | undefined;
}

export interface Breaker {
  /** Distinct, in a row. */
  readonly failures: readonly FailedRequest[];
  /** Openings in a row. */
  readonly openings: number;
  /** While open: until when. */
  readonly openUntilMs: number | undefined;
  /** The one caller that it is open for; undefined: for everybody. */
  readonly onlyFor: string | undefined;
  /** A trial is under way since then. */
  readonly trialSinceMs: number | undefined;
}

/** An upstream that keeps failing is tried at least so often. */
const longestOpenMs = 5 * 60_000;
/** A trial without an end is forgotten after this time, so that no upstream stays closed by a lost one. */
const trialMs = 2 * 60_000;

export const closedBreaker: Breaker = {
  failures: [],
  openings: 0,
  openUntilMs: undefined,
  onlyFor: undefined,
  trialSinceMs: undefined,
};

export type BreakerState = "closed" | "open" | "halfOpen";

/** As a caller meets it; without one, as it is for anybody. */
export function breakerState(b: Breaker, nowMs: number, caller?: string): BreakerState {
  if (b.openUntilMs === undefined || (caller !== undefined && b.onlyFor !== undefined && b.onlyFor !== caller)) return "closed";
  return nowMs < b.openUntilMs ? "open" : "halfOpen";
}

/** Whether a request may go: always when closed, never when open, one at a time when half-open. */
export function mayTry(b: Breaker, nowMs: number, caller: string): boolean {
  const state = breakerState(b, nowMs, caller);
  if (state !== "halfOpen") return state === "closed";
  return b.trialSinceMs === undefined || nowMs - b.trialSinceMs > trialMs;
}

/** A request goes. */
export const tried = (b: Breaker, nowMs: number, caller: string): Breaker =>
  breakerState(b, nowMs, caller) === "halfOpen" ? { ...b, trialSinceMs: nowMs } : b;

/** It ended well. While open, a response to a request from before changes nothing; one for another caller ends the others' failures in a row. */
export function succeeded(b: Breaker, nowMs: number, caller: string): Breaker {
  if (b === closedBreaker || breakerState(b, nowMs, caller) === "open") return b;
  if (b.openUntilMs === undefined || b.onlyFor === undefined || b.onlyFor === caller) return closedBreaker;
  return b.failures.every(f => f.caller === b.onlyFor) ? b : { ...b, failures: b.failures.filter(f => f.caller === b.onlyFor) };
}

const isSame = (a: FailedRequest, b: FailedRequest): boolean => a.request !== undefined && a.request === b.request;

/** For whom these failures open it: one caller, everybody, or nobody. */
function opensFor(all: readonly FailedRequest[], failed: FailedRequest, least: number): "one" | "everybody" | "nobody" {
  if (all.length < least) return "nobody";
  if (failed.caller === undefined || all.some(f => f.caller !== failed.caller)) return "everybody";
  return "one";
}

/** It failed. */
export function failed(b: Breaker, nowMs: number, { failures: least, openMs }: BreakerOptions, request: FailedRequest): Breaker {
  const state = breakerState(b, nowMs, request.caller);
  if (state === "open") return b;
  const opened = (more: Pick<Breaker, "failures" | "onlyFor">): Breaker => ({
    ...more,
    openings: b.openings + 1,
    openUntilMs: nowMs + Math.min(openMs * 2 ** b.openings, longestOpenMs),
    trialSinceMs: undefined,
  });
  if (state === "halfOpen") return opened(b);
  if (b.failures.some(f => isSame(f, request))) return b;
  const failures = [...b.failures, request];
  const whom = opensFor(failures, request, least);
  if (whom === "nobody") return { ...b, failures };
  return opened({ failures, onlyFor: whom === "one" ? request.caller : undefined });
}

/** It ended without telling anything of the upstream (the client left): a trial makes room for the next. */
export const forgotten = (b: Breaker): Breaker => (b.trialSinceMs === undefined ? b : { ...b, trialSinceMs: undefined });
