/** What the comparisons of all types of features are given, and what they say. */
import type { FeatureDrift } from "./report.ts";

export interface ComparisonContext {
  /** Level of each feature's test, so that all together keep theirs. */
  readonly alpha: number;
  readonly detect: number;
  readonly power: number;
  readonly bins: number;
  readonly draws: number;
  readonly seed: number | string;
  readonly most: number;
}

/** The part of a feature's report that its type gives. */
export type FeatureComparison = Pick<
  FeatureDrift,
  "test" | "statistic" | "change" | "p" | "needed" | "effect" | "measure" | "distances" | "tests" | "numbers" | "moved" | "notes"
>;

/** Nothing to compare: a side without values. */
export const nothingToCompare = (test: string, measure: string, needed: number | null): FeatureComparison => ({
  test,
  statistic: 0,
  change: 0,
  p: 1,
  needed,
  effect: null,
  measure,
  distances: null,
  tests: {},
  notes: ["One side has no values."],
});
