/**
 * Retries as a share of requests: when everything fails, retrying everything would double the load on what is failing (Finagle's retry budget;
 * Envoy's). Also the waits between attempts.
 */
import type { Clock } from "../../base/index.ts";

export interface RetryOptions {
  /** Attempts after the first, for one request. */
  readonly attempts: number;
  /** Of the requests of the last ten seconds. */
  readonly budgetRatio: number;
  /** Before the first retry at most; twice that before the second. */
  readonly backoffMs: number;
}

/** What came and what was taken, as it fades; another budget may go on with it. */
interface RetryCounts {
  requests: number;
  retries: number;
  /** By the clock, when they were so many. */
  atMs: number;
}

export interface RetryBudget {
  readonly counts: RetryCounts;
  /** A request came. */
  deposit(): void;
  /** Takes a retry, where one is left. */
  withdraw(): boolean;
}

const windowMs = 10_000;
/** Where there is little traffic a share of it would be nothing. */
const alwaysRetried = 10;

/** `always`: so many of ten seconds whatever the traffic. `counts`: those of the budget whose place it takes. */
export function retryBudget(
  { budgetRatio }: Pick<RetryOptions, "budgetRatio">,
  clock: Clock,
  always = alwaysRetried,
  counts: RetryCounts = { requests: 0, retries: 0, atMs: clock.monotonic() },
): RetryBudget {
  /** The past fades evenly over the window. */
  const fade = () => {
    const nowMs = clock.monotonic();
    const left = Math.max(0, 1 - (nowMs - counts.atMs) / windowMs);
    counts.requests *= left;
    counts.retries *= left;
    counts.atMs = nowMs;
  };
  return {
    counts,
    deposit: () => {
      fade();
      counts.requests++;
    },
    withdraw: () => {
      fade();
      if (counts.retries + 1 > always + counts.requests * budgetRatio) return false;
      counts.retries++;
      return true;
    },
  };
}

/** Longest wait before a retry: a client that waits in vain would rather have an error. */
const longestWaitMs = 5_000;

/** Full jitter (Brooker 2015): uniform between nothing and an exponential bound. */
export const backoffMs = ({ backoffMs: base }: RetryOptions, attempt: number, random: () => number): number =>
  Math.min(longestWaitMs, random() * base * 2 ** attempt);
