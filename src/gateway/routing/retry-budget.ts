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

export interface RetryBudget {
  /** A request came. */
  deposit(): void;
  /** Takes a retry, where one is left. */
  withdraw(): boolean;
}

const windowMs = 10_000;
/** Where there is little traffic a share of it would be nothing. */
const alwaysRetried = 10;

/** `always`: so many of ten seconds whatever the traffic. */
export function retryBudget({ budgetRatio }: Pick<RetryOptions, "budgetRatio">, clock: Clock, always = alwaysRetried): RetryBudget {
  let requests = 0;
  let retries = 0;
  let atMs = clock.monotonic();
  /** The past fades evenly over the window. */
  const fade = () => {
    const nowMs = clock.monotonic();
    const left = Math.max(0, 1 - (nowMs - atMs) / windowMs);
    requests *= left;
    retries *= left;
    atMs = nowMs;
  };
  return {
    deposit: () => {
      fade();
      requests++;
    },
    withdraw: () => {
      fade();
      if (retries + 1 > always + requests * budgetRatio) return false;
      retries++;
      return true;
    },
  };
}

/** Longest wait before a retry: a client that waits in vain would rather have an error. */
const longestWaitMs = 5_000;

/** Full jitter (Brooker 2015): uniform between nothing and an exponential bound. */
export const backoffMs = ({ backoffMs: base }: RetryOptions, attempt: number, random: () => number): number =>
  Math.min(longestWaitMs, random() * base * 2 ** attempt);
