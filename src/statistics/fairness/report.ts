/**
 * A fairness report of one grouping: counts and rates of every group with Wilson intervals, and every measure with an interval from the bootstrap. Draws are
 * stratified by group, so a group keeps its size. What is undefined has the reason in place of a value.
 */

import { checkArgument } from "../errors.ts";
import { wilson } from "../proportion.ts";
import type { ResamplingOptions } from "../resampling.ts";
import {
  checkGrouped,
  countCells,
  type GroupedPredictions,
  type OutcomeCounts,
  outcomeCounts,
  type RateName,
  rateNames,
  rates,
} from "./cells.ts";
import { drawnGroupCalibration } from "./group-calibration.ts";
import { fairnessIntervals } from "./interval.ts";
import {
  drawnFairness,
  type FairnessMeasureName,
  type FairnessOptions,
  fairnessMeasureNames,
  leastGroupSize,
  outcomesOf,
} from "./measures.ts";

/** `count` of `of` items; without a value where `of` is 0. */
export interface GroupRate {
  readonly count: number;
  readonly of: number;
  readonly value?: number;
  readonly low?: number;
  readonly high?: number;
}

/** What a group's predictions say of one class. */
export interface GroupOutcome extends Readonly<Record<RateName, GroupRate>> {
  readonly outcome: string;
  /** Share of the group that is of the class. */
  readonly baseRate: GroupRate;
  /** Expected calibration error, where there are probabilities. */
  readonly calibrationError?: number;
}

export interface GroupRow {
  readonly group: string;
  readonly items: number;
  /** Below the least size. */
  readonly isSmall: boolean;
  readonly outcomes: readonly GroupOutcome[];
}

export interface FairnessFigure {
  readonly measure: FairnessMeasureName;
  readonly value?: number;
  readonly low?: number;
  readonly high?: number;
  /** Why there is no value. */
  readonly undefined?: string;
  /** The groups that decide, and for which class. */
  readonly groups?: readonly string[];
  readonly outcome?: string;
}

export interface FairnessReport {
  readonly items: number;
  readonly least: number;
  readonly small: "undefined" | "leave-out";
  readonly groups: readonly GroupRow[];
  readonly figures: readonly FairnessFigure[];
}

function rateRow(count: number, of: number): GroupRate {
  if (of === 0) return { count, of };
  return { count, of, ...wilson(count, of) };
}

function outcomeRow(outcome: string, counts: OutcomeCounts, calibrationError: number | undefined): GroupOutcome {
  const own = Object.fromEntries(rateNames.map(r => [r, rateRow(rates[r].count(counts), rates[r].of(counts))]));
  return {
    outcome,
    baseRate: rateRow(counts.positives, counts.items),
    // a row of every rate
    ...(own as Record<RateName, GroupRate>),
    ...(calibrationError === undefined || Number.isNaN(calibrationError) ? {} : { calibrationError }),
  };
}

export interface FairnessReportOptions extends FairnessOptions, ResamplingOptions {}

/** Errors: statistics/argument, also for a `positive` that is no class. */
export function fairnessReport(data: GroupedPredictions, options: FairnessReportOptions = {}): FairnessReport {
  checkGrouped(data);
  const { positive, least = leastGroupSize, small = "undefined" } = options;
  checkArgument(positive === undefined || data.classes.includes(positive), "positive", `one of ${data.classes.join(", ")}`, positive);
  const n = data.truth.length;
  const all = Int32Array.from({ length: n }, (_, i) => i);
  const cells = countCells(data, all);
  const outcomes = outcomesOf(data, positive);
  const calibration = data.probabilities && outcomes.map(o => drawnGroupCalibration(data, o)(all));
  const groups = data.groups.map((group, g): GroupRow => {
    const rows = outcomes.map((o, k) =>
      outcomeRow(data.classes[o]!, outcomeCounts(cells, data.classes.length, g, o), calibration?.[k]?.[g]),
    );
    const items = outcomeCounts(cells, data.classes.length, g, 0).items;
    return { group, items, isSmall: items < least, outcomes: rows };
  });
  const names = fairnessMeasureNames.filter(m => m !== "groupCalibration" || data.probabilities);
  const values = names.map(m => drawnFairness(m, data, options)(all));
  const intervals = fairnessIntervals(names, data, options);
  const figures = names.map((measure, k): FairnessFigure => {
    const { value, reason, groups: deciding, outcome } = values[k]!;
    if (Number.isNaN(value)) return { measure, undefined: reason ?? "not a number" };
    const { low, high } = intervals[k]!;
    return {
      measure,
      value,
      ...(Number.isNaN(low) || Number.isNaN(high) ? {} : { low, high }),
      groups: deciding!.map(g => data.groups[g]!),
      outcome: data.classes[outcome!]!,
    };
  });
  return { items: n, least, small, groups, figures };
}
