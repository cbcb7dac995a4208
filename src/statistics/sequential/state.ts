/** The state of a comparison: plain data, of a size that does not grow with requests or users. */
import type { ComparisonArm, DeclaredComparison } from "./options.ts";

/** Wealth of bets against one hypothesis, at several stakes (natural logarithms). */
export interface BetState {
  readonly logWealth: readonly number[];
  /** Largest mean wealth so far. */
  readonly logMaximum: number;
}

export interface ArmMetricState {
  /** Users (or requests without one) that had a value. */
  readonly users: number;
  /** Of users' means, as losses from 0 to 1; where the metric is a quantile, of shares above the threshold. */
  readonly sum: number;
  /** Quantiles only: values by bucket of a logarithmic scale, the treatment's divided by `ratio` first; each user's add up to 1. */
  readonly buckets: Readonly<Record<string, number>>;
}

export interface MetricState {
  readonly arms: Readonly<Record<ComparisonArm, ArmMetricState>>;
  /** Bets that the treatment is worse than tolerated. */
  readonly harm: BetState;
  /** Bets that it is not worse than the margin. */
  readonly safe: BetState;
  /** Of scores, for the stakes of the interval: count, sum, sum of squares. */
  readonly scores: readonly [number, number, number];
  /** By candidate of the difference: wealth of bets that it is larger, that it is smaller. */
  readonly larger: readonly number[];
  readonly smaller: readonly number[];
  /** Quantiles: the bucket above which a value counts, null until enough have been seen; and at how many users it is looked up again. */
  readonly threshold: number | null;
  readonly nextThreshold: number;
  readonly quantileUsers: number;
}

/** A user whose window is open. */
export interface OpenUser {
  readonly arm: ComparisonArm;
  readonly fromMs: number;
  readonly requests: number;
  /** By metric: count and sum of losses. */
  readonly sums: Readonly<Record<string, readonly [number, number]>>;
  /** By quantile metric: values by bucket. */
  readonly buckets: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface ComparisonState {
  readonly declared: DeclaredComparison;
  readonly startedMs: number | null;
  readonly lastMs: number | null;
  /** All requests, those of the warm-up too. */
  readonly requests: Readonly<Record<ComparisonArm, number>>;
  readonly isWarm: boolean;
  /** Users (or requests without one) assigned since the warm-up, for the ratio. */
  readonly users: Readonly<Record<ComparisonArm, number>>;
  readonly logRatioMaximum: number;
  /** By hash, in order of their first request. */
  readonly open: Readonly<Record<string, OpenUser>>;
  /** Bits of hashes of users that have been counted, 32 a word. */
  readonly counted: readonly number[];
  readonly metrics: Readonly<Record<string, MetricState>>;
  /** Largest so far of the weighted mean of all metrics' wealth against harm. */
  readonly logHarmMaximum: number;
  /** Why it takes no more requests. */
  readonly ended: "harm" | "no harm" | "longest run" | null;
}

/** What is reported. */
export type ComparisonVerdict = "harm" | "no harm" | "undecided";

export interface MetricJudgement {
  readonly name: string;
  readonly kind: "rate" | "mean" | "quantile";
  readonly verdict: ComparisonVerdict;
  readonly users: Readonly<Record<ComparisonArm, number>>;
  /** Mean, rate or quantile of each arm, in the metric's unit; NaN as null where there is no value. */
  readonly control: number | null;
  readonly treatment: number | null;
  /** Treatment less control (quantiles: the share of values above the threshold, the treatment's divided by `ratio` first), with an always-valid interval. */
  readonly difference: { readonly estimate: number; readonly low: number; readonly high: number } | null;
  /** Quantiles: always-valid bounds of each arm's. */
  readonly bounds?: Readonly<Record<ComparisonArm, readonly [low: number, high: number | null]>>;
  /** Anytime-valid, before the share of alpha is taken: harm, and no harm. */
  readonly pHarm: number;
  readonly pSafe: number;
}

export interface ComparisonJudgement {
  readonly verdict: ComparisonVerdict;
  /** The test takes no more requests. */
  readonly isEnded: boolean;
  readonly reason: string;
  readonly requests: Readonly<Record<ComparisonArm, number>>;
  readonly users: Readonly<Record<ComparisonArm, number>>;
  readonly metrics: readonly MetricJudgement[];
  readonly ratioMismatch: { readonly isMismatch: boolean; readonly p: number; readonly expected: number; readonly observed: number | null };
}
