/**
 * What a comparison of two arms is declared by, before its first request. Arms are `control` (the version in use) and `treatment` (the new one); each user
 * is assigned to one of them by chance, `share` of them to the treatment.
 */
import { checkArgument } from "../errors.ts";

export type ComparisonArm = "control" | "treatment";

interface Declared {
  /** Share of alpha that this metric has, relative to the other metrics' (default 1). */
  readonly weight?: number;
  /** The values come after the response (labels, ratings) and have user windows of their own. */
  readonly isLate?: boolean;
}

/** A share of requests where less is better: errors, guard blocks. Values are 0 or 1 (or true, false). */
export interface RateMetric extends Declared {
  readonly kind: "rate";
  /** Harm: the treatment's rate exceeds the control's by more than this (default 0). */
  readonly tolerated?: number;
  /** No harm: the excess is shown to be below this. */
  readonly margin: number;
}

/** A mean of bounded values: quality, ratings. Values outside the bounds are moved to them. */
export interface MeanMetric extends Declared {
  readonly kind: "mean";
  readonly low: number;
  readonly high: number;
  readonly better: "higher" | "lower";
  /** Harm: worse by more than this, in the values' unit (default: `margin`). */
  readonly tolerated?: number;
  /** No harm: shown to be worse by less than this. */
  readonly margin: number;
}

/** A quantile of positive values where less is better: latency. */
export interface QuantileMetric extends Declared {
  readonly kind: "quantile";
  /** 0.95: the 95th percentile. */
  readonly quantile: number;
  /** Harm: the treatment's quantile exceeds this many times the control's; no harm: shown to be below it. From 1. */
  readonly ratio: number;
}

export type ComparisonMetric = RateMetric | MeanMetric | QuantileMetric;

export interface ComparisonOptions {
  readonly metrics: Readonly<Record<string, ComparisonMetric>>;
  /** Share of users that the treatment gets (default 0.5). */
  readonly share?: number;
  /** Chance of a wrong verdict, for "harm" and for "no harm" each, over all looks and metrics (default 0.05). */
  readonly alpha?: number;
  /** Left out: requests until both arms have had so many, and so much time has passed (default none). */
  readonly warmup?: { readonly requests?: number; readonly ms?: number };
  /** At its end the test stops: undecided stays undecided. `requests` counts both arms. */
  readonly longest: { readonly requests: number; readonly ms?: number };
  /**
   * A user's requests are one observation, their mean: until so many, or so long after the first (default 10 requests, 60,000 ms). Requests without a
   * user are an observation each.
   */
  readonly userWindow?: { readonly requests?: number; readonly ms?: number };
  /**
   * `once` (default): each user is one observation and their later requests are left out. `per-window`: each window is one, which is valid only where users
   * are assigned anew in each window, or a user's windows do not depend on each other.
   */
  readonly countUsers?: "once" | "per-window";
  /** Chance that a sample-ratio mismatch is reported where there is none (default 0.01). */
  readonly ratioAlpha?: number;
}

/** One request, or a late value of it. */
export interface ComparisonObservation {
  readonly arm: ComparisonArm;
  /** Only a hash of it is kept. Absent: the request stands for itself. */
  readonly user?: string | undefined;
  /** Id of the request: puts requests of the same millisecond in one order on every server. Not kept. */
  readonly id?: string | undefined;
  readonly atMs: number;
  /** Values by metric; a metric may be absent (a failed request has no latency). */
  readonly values: Readonly<Record<string, number | boolean | null | undefined>>;
}

/** The options with every default filled in; part of the state. */
export interface DeclaredComparison {
  readonly metrics: Readonly<Record<string, ComparisonMetric>>;
  readonly share: number;
  readonly alpha: number;
  readonly warmup: { readonly requests: number; readonly ms: number };
  readonly longest: { readonly requests: number; readonly ms: number | null };
  readonly userWindow: { readonly requests: number; readonly ms: number };
  readonly countUsers: "once" | "per-window";
  readonly ratioAlpha: number;
}

const within = (value: number, low: number, high: number, place: string) =>
  checkArgument(value >= low && value <= high, place, `a number from ${low} to ${high}`, value);

function checkMetric(place: string, metric: ComparisonMetric): void {
  if (metric.weight !== undefined)
    checkArgument(metric.weight > 0 && Number.isFinite(metric.weight), `${place}.weight`, "a number above 0", metric.weight);
  if (metric.kind === "quantile") {
    checkArgument(metric.quantile > 0 && metric.quantile < 1, `${place}.quantile`, "a number between 0 and 1", metric.quantile);
    within(metric.ratio, 1, 1000, `${place}.ratio`);
    return;
  }
  if (metric.kind === "mean")
    checkArgument(
      Number.isFinite(metric.low) && Number.isFinite(metric.high) && metric.low < metric.high,
      `${place}.low, ${place}.high`,
      "a rising pair of finite numbers",
      `${metric.low}, ${metric.high}`,
    );
  const width = metric.kind === "mean" ? metric.high - metric.low : 1;
  checkArgument(metric.margin > 0 && metric.margin < width, `${place}.margin`, `a number above 0 and below ${width}`, metric.margin);
  if (metric.tolerated !== undefined)
    checkArgument(
      metric.tolerated >= 0 && metric.tolerated <= metric.margin,
      `${place}.tolerated`,
      `a number from 0 to the margin, ${metric.margin}`,
      metric.tolerated,
    );
}

/** Errors: statistics/argument. */
export function declareComparison(options: ComparisonOptions): DeclaredComparison {
  const names = Object.keys(options.metrics);
  checkArgument(names.length > 0, "metrics", "one metric or more", "none");
  for (const name of names) checkMetric(`metrics.${name}`, options.metrics[name]!);
  const { share = 0.5, alpha = 0.05, ratioAlpha = 0.01, warmup = {}, longest, userWindow = {}, countUsers = "once" } = options;
  within(share, 0.001, 0.999, "share");
  within(alpha, 1e-6, 0.5, "alpha");
  within(ratioAlpha, 1e-9, 0.5, "ratioAlpha");
  checkArgument(longest.requests >= 1, "longest.requests", "1 or more", longest.requests);
  if (longest.ms !== undefined) checkArgument(longest.ms > 0, "longest.ms", "a number above 0", longest.ms);
  const declared = {
    metrics: options.metrics,
    share,
    alpha,
    ratioAlpha,
    warmup: { requests: warmup.requests ?? 0, ms: warmup.ms ?? 0 },
    longest: { requests: longest.requests, ms: longest.ms ?? null },
    userWindow: { requests: userWindow.requests ?? 10, ms: userWindow.ms ?? 60_000 },
    countUsers,
  };
  checkArgument(declared.warmup.requests >= 0 && declared.warmup.ms >= 0, "warmup", "numbers from 0", JSON.stringify(warmup));
  checkArgument(
    Number.isInteger(declared.userWindow.requests) && declared.userWindow.requests >= 1 && declared.userWindow.ms > 0,
    "userWindow",
    "a whole number of requests from 1 and a time above 0",
    JSON.stringify(userWindow),
  );
  return declared;
}
