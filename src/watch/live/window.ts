/**
 * One window: what the responses of one version of a model came to in a stretch of time on one server. Counters alone, no text and no id, of a bounded size however
 * many responses there are. `countResponse` is on the path of requests and takes constant time; windows of servers and of stretches merge in any order.
 */
import type { ResponseFeatures, ResponseFlag } from "../features/index.ts";
import { type MinuteNumber, type MinuteOfMetrics, type MinuteShare, minuteNumbers, minuteShares } from "../minute.ts";
import {
  addValue,
  countValue,
  emptySum,
  type LogCounts,
  meanOfSum,
  mergeCounts,
  mergeSums,
  quantileOf,
  totalOf,
  type ValueSum,
} from "./figures.ts";

/** Times, in milliseconds. */
const windowTimes = ["latency", "first-token", "queue"] as const;
type WindowTime = (typeof windowTimes)[number];
/** Means of features of responses. */
const windowMeans = ["answer-length", "prompt-length", "nll", "repetition", "confidence", "entropy"] as const;
type WindowMean = (typeof windowMeans)[number];

/** Plain data; mutable for its owner alone. */
export interface LiveWindow {
  requests: number;
  /** Failed by the server: status 5xx or 429. */
  errors: number;
  /** Refused for what the client sent, or left by it: no event of an error share. */
  excluded: number;
  promptTokens: number;
  answerTokens: number;
  readonly statuses: Record<string, number>;
  readonly outcomes: Record<string, number>;
  readonly times: Partial<Record<WindowTime, LogCounts>>;
  readonly means: Partial<Record<WindowMean, ValueSum>>;
  /** Of so many responses of which it is known. */
  readonly flags: Record<string, { count: number; of: number }>;
  /** Answers of a classifier by label. */
  readonly classes: Record<string, number>;
  /** Good and bad events of each service level objective, by name. */
  readonly objectives: Record<string, { good: number; bad: number }>;
}

/** Labels that a window counts by name; the rest is `other`. */
const mostClasses = 64;

export const emptyWindow = (): LiveWindow => ({
  requests: 0,
  errors: 0,
  excluded: 0,
  promptTokens: 0,
  answerTokens: 0,
  statuses: {},
  outcomes: {},
  times: {},
  means: {},
  flags: {},
  classes: {},
  objectives: {},
});

/** What is known of a response when it has ended. */
export interface ResponseFacts {
  readonly status: number;
  /** `stop`, `length`, `cancelled`, ...: of a fixed list. */
  readonly outcome: string;
  readonly totalMs: number;
  readonly firstTokenMs: number | null;
  readonly queuedMs: number | null;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** One a generated answer or text that was read. */
  readonly features: readonly ResponseFeatures[];
  readonly labels: readonly string[];
  /** Whether it was good, by objective; those that it says nothing of are left out. */
  readonly objectives?: Readonly<Record<string, boolean>>;
}

/** What a response was for whoever runs the server: good, failed by it, or nothing that the server answers for. */
export const responseVerdict = (status: number): "good" | "failed" | "excluded" =>
  status >= 500 || status === 429 ? "failed" : status >= 400 ? "excluded" : "good";

/** The entry of a name, made where it is not there. */
function entryOf<K extends string, T>(all: Partial<Record<K, T>>, key: K, make: () => T): T {
  if (!Object.hasOwn(all, key)) all[key] = make();
  return all[key]!;
}
const noCounts = (): LogCounts => ({});
const bump = (counts: Record<string, number>, key: string): void => {
  counts[key] = (Object.hasOwn(counts, key) ? counts[key]! : 0) + 1;
};
function bumpFlag(flags: LiveWindow["flags"], name: string, isSet: boolean): void {
  const flag = entryOf(flags, name, () => ({ count: 0, of: 0 }));
  flag.of++;
  if (isSet) flag.count++;
}

/** Counts a response, in place. */
export function countResponse(w: LiveWindow, r: ResponseFacts): void {
  const verdict = responseVerdict(r.status);
  w.requests++;
  if (verdict === "failed") w.errors++;
  else if (verdict === "excluded") w.excluded++;
  w.promptTokens += r.promptTokens;
  w.answerTokens += r.answerTokens;
  bump(w.statuses, `${Math.floor(r.status / 100)}xx`);
  bump(w.outcomes, r.outcome);
  if (verdict === "good") {
    countValue(entryOf(w.times, "latency", noCounts), r.totalMs);
    if (r.firstTokenMs !== null) countValue(entryOf(w.times, "first-token", noCounts), r.firstTokenMs);
    if (r.queuedMs !== null) countValue(entryOf(w.times, "queue", noCounts), r.queuedMs);
    if (r.answerTokens > 0) bumpFlag(w.flags, "cut", r.outcome === "length");
  }
  for (const { numbers, flags } of r.features) {
    for (const name of windowMeans) {
      const value = numbers[name];
      if (value !== undefined && Number.isFinite(value)) addValue(entryOf(w.means, name, emptySum), value);
    }
    for (const name of Object.keys(flags) as ResponseFlag[]) bumpFlag(w.flags, name, flags[name] === true);
  }
  for (const label of r.labels) {
    const isKnown = Object.hasOwn(w.classes, label) || Object.keys(w.classes).length < mostClasses;
    bump(w.classes, isKnown ? label : "other");
  }
  for (const [name, isGood] of Object.entries(r.objectives ?? {})) {
    const counts = entryOf(w.objectives, name, () => ({ good: 0, bad: 0 }));
    if (isGood) counts.good++;
    else counts.bad++;
  }
}

/** Merges each entry that one side has, or both. */
function mergeEach<T>(
  a: Readonly<Partial<Record<string, T>>>,
  b: Readonly<Partial<Record<string, T>>>,
  merge: (x: T, y: T) => T,
): Record<string, T> {
  const merged: Record<string, T> = {};
  for (const [key, value] of [...Object.entries(a), ...Object.entries(b)]) {
    if (value === undefined) continue;
    merged[key] = Object.hasOwn(merged, key) ? merge(merged[key]!, value) : value;
  }
  return merged;
}

/** Both together: associative, commutative, and exact. The result shares no counter that either side would change. */
export const mergeWindows = (a: LiveWindow, b: LiveWindow): LiveWindow => ({
  requests: a.requests + b.requests,
  errors: a.errors + b.errors,
  excluded: a.excluded + b.excluded,
  promptTokens: a.promptTokens + b.promptTokens,
  answerTokens: a.answerTokens + b.answerTokens,
  statuses: mergeCounts(a.statuses, b.statuses),
  outcomes: mergeCounts(a.outcomes, b.outcomes),
  times: mergeEach(a.times, b.times, mergeCounts),
  means: mergeEach(a.means, b.means, mergeSums),
  flags: mergeEach(a.flags, b.flags, (x, y) => ({ count: x.count + y.count, of: x.of + y.of })),
  classes: mergeCounts(a.classes, b.classes),
  objectives: mergeEach(a.objectives, b.objectives, (x, y) => ({ good: x.good + y.good, bad: x.bad + y.bad })),
});

/** The figures of a window that lasted so long, as monitors and pages look at them; what it has not is left out. */
export function windowFigures(w: LiveWindow, startMs: number, lengthMs: number): MinuteOfMetrics {
  const numbers: Record<string, MinuteNumber> = { requests: { value: w.requests, count: 1 } };
  const quantile = (name: string, time: WindowTime, share: number) => {
    const counts = w.times[time];
    if (counts) numbers[name] = { value: quantileOf(counts, share), count: totalOf(counts) };
  };
  quantile("latency-p50", "latency", 0.5);
  quantile("latency-p95", "latency", 0.95);
  quantile("first-token-p95", "first-token", 0.95);
  quantile("queue-p95", "queue", 0.95);
  if (w.answerTokens > 0) numbers["tokens-per-second"] = { value: w.answerTokens / (lengthMs / 1000), count: w.requests };
  for (const name of windowMeans) {
    const sum = w.means[name];
    if (sum) numbers[name] = { value: meanOfSum(sum), count: sum.count };
  }
  const shares: Record<string, MinuteShare> = {};
  if (w.requests > w.excluded) shares.errors = { count: w.errors, of: w.requests - w.excluded };
  for (const [name, { count, of }] of Object.entries(w.flags)) shares[name] = { count, of };
  return { startMs, numbers, shares, ...(Object.keys(w.classes).length > 0 ? { classes: w.classes } : {}) };
}

/** Names of figures that histories have. */
export const windowMetrics: readonly string[] = [...minuteNumbers, ...minuteShares];

/** One figure of a window and how many responses it is from; undefined where it has none. */
export function figureOf({ numbers, shares }: MinuteOfMetrics, metric: string): MinuteNumber | undefined {
  const share = shares[metric];
  return numbers[metric] ?? (share && share.of > 0 ? { value: share.count / share.of, count: share.of } : undefined);
}
