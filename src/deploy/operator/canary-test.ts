/**
 * The canary's test, from counters of pods alone: the sequential test of `statistics`, which may be looked at after every reading. Of each reading it takes
 * as many requests of the stable version as of the canary, drawn by chance, in pairs of random order: which arm comes first does not depend on the values, so
 * the bets against equal rates do not grow on average, whatever share of the requests each side gets. All of it is plain data, held in a ConfigMap together
 * with the counters that it was fed from, so no request counts twice and none is forgotten when the operator restarts.
 */
import { type Random, random } from "../../base/index.ts";
import {
  type ComparisonArm,
  type ComparisonJudgement,
  type ComparisonMetric,
  type ComparisonObservation,
  type ComparisonState,
  judgeComparison,
  observeComparison,
  openComparison,
} from "../../statistics/index.ts";
import { bucketValues, countersSince, type PodCounters, sumCounters } from "./pod-metrics.ts";
import type { LoamModelSpec } from "./spec.ts";

type CanarySpec = NonNullable<LoamModelSpec["canary"]>;

export interface CanaryTest {
  /** The canary's, whose test this is. */
  readonly image: string;
  /** Of the spec: other metrics are another test. */
  readonly generation: number;
  readonly comparison: ComparisonState;
  /** Last counters by pod (uid): what was counted. */
  readonly pods: Readonly<Record<string, PodCounters>>;
  readonly readings: number;
  readonly readMs: number;
}

/** What one reading found, by arm and pod (uid). */
export interface PodReading {
  readonly atMs: number;
  readonly pods: Readonly<Record<ComparisonArm, Readonly<Record<string, PodCounters>>>>;
}

/** Pairs of one reading that are counted: of a flood of requests, so many decide as well. */
const mostPairs = 5_000;

export const canaryWeights = (canary: CanarySpec): readonly number[] => canary.steps ?? [canary.weight ?? 10];

export function openCanaryTest(canary: CanarySpec, image: string, generation: number, nowMs: number): CanaryTest {
  const metrics: Record<string, ComparisonMetric> = {};
  const { errors, latency } = canary.metrics;
  if (errors) metrics.errors = { kind: "rate", tolerated: errors.tolerated, margin: errors.margin };
  if (latency) metrics.latency = { kind: "quantile", quantile: latency.quantile, ratio: latency.ratio };
  const requests = 2 * canary.requests * canaryWeights(canary).length;
  const ms = canary.longestSeconds === undefined ? {} : { ms: canary.longestSeconds * 1000 };
  const comparison = openComparison({ metrics, share: 0.5, alpha: canary.alpha, longest: { requests, ...ms } });
  return { image, generation, comparison, pods: {}, readings: 0, readMs: nowMs };
}

/** Draws without putting back, from counts of each value. */
function drawer(values: readonly (readonly [value: number, count: number])[], draw: Random): () => number | undefined {
  const left = values.map(([, count]) => Math.floor(count));
  let all = left.reduce((a, b) => a + b, 0);
  return () => {
    if (all <= 0) return undefined;
    let at = draw.below(all--);
    for (let i = 0; i < left.length; i++) {
      if (at < left[i]!) {
        left[i]!--;
        return values[i]![0];
      }
      at -= left[i]!;
    }
    return undefined;
  };
}

function observationsOf(
  arms: Readonly<Record<ComparisonArm, PodCounters>>,
  metrics: Readonly<Record<string, unknown>>,
  atMs: number,
  draw: Random,
): ComparisonObservation[] {
  const pairs = Math.min(mostPairs, arms.control.requests, arms.treatment.requests);
  const valuesOf = (c: PodCounters) => {
    const errors = drawer(
      [
        [1, c.errors],
        [0, c.requests - c.errors],
      ],
      draw,
    );
    const latency = drawer(bucketValues(c.buckets), draw);
    return () => ({ ...(metrics.errors ? { errors: errors() } : {}), ...(metrics.latency ? { latency: latency() } : {}) });
  };
  const next = { control: valuesOf(arms.control), treatment: valuesOf(arms.treatment) };
  return Array.from({ length: pairs }, () => {
    const order: ComparisonArm[] = draw.below(2) === 0 ? ["control", "treatment"] : ["treatment", "control"];
    return order.map(arm => ({ arm, values: next[arm]() }));
  })
    .flat()
    .map((o, i) => ({ ...o, atMs: atMs + i / 1000 }));
}

/** A pod that was not seen before starts from what it has counted: before, it served others. */
export function readCanaryTest(test: CanaryTest, reading: PodReading): CanaryTest {
  const draw = random(`${test.image} ${test.generation} ${test.readings}`);
  const sinceOf = (arm: ComparisonArm) =>
    sumCounters(Object.entries(reading.pods[arm]).map(([uid, now]) => countersSince(now, test.pods[uid] ?? now)));
  const arms = { control: sinceOf("control"), treatment: sinceOf("treatment") };
  const observations = observationsOf(arms, test.comparison.declared.metrics, reading.atMs, draw);
  return {
    ...test,
    comparison: observeComparison(test.comparison, observations),
    // a pod that did not answer keeps its place
    pods: { ...test.pods, ...reading.pods.control, ...reading.pods.treatment },
    readings: test.readings + 1,
    readMs: reading.atMs,
  };
}

export const judgeCanaryTest = (test: CanaryTest): ComparisonJudgement => judgeComparison(test.comparison);

/** Why a test without a verdict is over; undefined while it goes on. */
export function failedTest(test: CanaryTest, canary: CanarySpec, isEnded: boolean, nowMs: number): string | undefined {
  const { startedMs } = test.comparison;
  if (isEnded) return `no verdict after ${test.comparison.requests.treatment} requests to the canary`;
  if (canary.longestSeconds !== undefined && startedMs !== null && nowMs - startedMs > canary.longestSeconds * 1000)
    return `no verdict in ${canary.longestSeconds} s`;
  return undefined;
}
