/**
 * What monitors look at: the figures of one minute of one model's version, from all servers together. Plain data; `live` fills it from its counters, and a
 * figure that a minute has not is left out.
 */

/** Figures of a minute that are numbers, such as the median of latencies; `count`: responses that it is from. */
export interface MinuteNumber {
  readonly value: number;
  readonly count: number;
}

/** Events of trials: errors of requests. */
export interface MinuteShare {
  readonly count: number;
  readonly of: number;
}

export interface MinuteOfMetrics {
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly numbers: Readonly<Record<string, MinuteNumber>>;
  readonly shares: Readonly<Record<string, MinuteShare>>;
  /** Answers of a classifier by label; a bounded number of labels, the rest under `other`. */
  readonly classes?: Readonly<Record<string, number>>;
}

/** Names of numbers that the monitors know. Times in milliseconds; `requests`, `tokens-per-second` and `queued` of the minute, the others of its responses. */
export const minuteNumbers = [
  "requests",
  "latency-p50",
  "latency-p95",
  "first-token-p95",
  "queue-p95",
  "tokens-per-second",
  "answer-length",
  "prompt-length",
  "nll",
  "repetition",
  "confidence",
  "entropy",
] as const;

/** Names of shares that the monitors know: `errors` of requests, the flags of responses, and answers that ended at their limit of tokens. */
export const minuteShares = ["errors", "refusal", "injection", "extraction", "repeated", "replaced", "echoed", "cut"] as const;
