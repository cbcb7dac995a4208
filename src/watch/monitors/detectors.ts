/**
 * Detectors of monitors: what a chart says as a ratio to its limit, so that one rule serves all: an alarm from 1 on, over below a half (hysteresis). After an
 * alarm a sum stays at its limit and does not start anew: it goes down when the values are usual again. Declared by a run length, as charts are.
 */
import { changeEvidence, changeSums } from "../anomaly/change-evidence.ts";
import { cusumLimit, pairWidth } from "../charts/index.ts";
import { jumpEvidence, jumpSums } from "../charts/jump-chart.ts";
import { pairChance } from "../charts/pair-rule.ts";
import { type ChartSides, ewmaLimit, ewmaStep, twoSided } from "../charts/standard-charts.ts";
import { dayWindow, seasonOutlier, weekWindow } from "./season-detector.ts";

/** One minute's view of a metric. */
export interface DetectorInput {
  /** Standardised value, and the same for lasting shifts, where the season is known. */
  readonly z?: number;
  readonly slow?: number;
  /** Stands for `slow` while a monitor signals. */
  readonly unsure?: number;
  /** Of a number: the value itself, transformed, with its minute in ms since 1970. */
  readonly level?: number;
  readonly atMs?: number;
  /** Of a share: chances of as much or more on each side, and log likelihood ratio of twice, and half, the odds. */
  readonly tails?: { readonly above: number; readonly below: number };
  readonly likelihood?: { readonly above: number; readonly below: number };
}

interface DetectorResult {
  readonly state: DetectorState;
  /** Of the alarm limit: 1 or more is a signal. */
  readonly ratio: number;
  readonly side: "above" | "below";
  /** Values since the shift began, where the detector says it. */
  readonly ago?: number;
}
/** Numbers alone; each detector knows what its own mean. */
export type DetectorState = readonly number[];

export interface Detector {
  readonly averageRunLength: number;
  readonly start: DetectorState;
  /** Undefined where the minute has nothing for it. */
  observe(state: DetectorState, input: DetectorInput, learn: boolean): DetectorResult | undefined;
}

type DetectorOf = (averageRunLength: number, sides: ChartSides) => Detector;
/** Ratio at which an alarm is not over yet. */
export const holdRatio = 0.5;

/** Limits by detector and run length: solving a chain takes some milliseconds, and many monitors share one. */
const limits = new Map<string, number>();
function limitOf(key: string, solve: () => number): number {
  const limit = limits.get(key) ?? solve();
  limits.set(key, limit);
  return limit;
}

const sideOf = (sides: ChartSides, isAbove: boolean): "above" | "below" => (sides === "both" ? (isAbove ? "above" : "below") : sides);

function ewma(lambda: number): DetectorOf {
  return (averageRunLength, sides) => {
    const limit = limitOf(`ewma ${lambda} ${averageRunLength} ${sides !== "both"}`, () => ewmaLimit(lambda, averageRunLength, sides));
    return {
      averageRunLength,
      start: [0],
      observe([average], { slow }) {
        if (slow === undefined) return undefined;
        const next = ewmaStep(average!, slow, lambda, limit);
        const toward = sides === "both" ? Math.abs(next) : sides === "above" ? next : -next;
        return { state: [next], ratio: Math.max(0, toward / limit), side: sideOf(sides, next > 0) };
      },
    };
  };
}

function cusum(k: number): DetectorOf {
  return (averageRunLength, sides) => {
    const length = twoSided(averageRunLength, sides);
    const h = limitOf(`cusum ${k} ${length}`, () => cusumLimit(k, length));
    return {
      averageRunLength,
      start: [0, 0, 0, 0],
      observe([high, low, highFor, lowFor], { slow }) {
        if (slow === undefined) return undefined;
        const up = sides === "below" ? 0 : Math.max(0, high! + slow - k);
        const down = sides === "above" ? 0 : Math.max(0, low! - slow - k);
        const [upFor, downFor] = [up > 0 ? highFor! + 1 : 0, down > 0 ? lowFor! + 1 : 0];
        const isAbove = up >= down;
        return {
          state: [Math.min(up, h), Math.min(down, h), upFor, downFor],
          ratio: Math.max(up, down) / h,
          side: sideOf(sides, isAbove),
          ago: isAbove ? upFor : downFor,
        };
      },
    };
  };
}

/** How fast the learnt limit of `pair` follows values: some days. */
const tailGain = 2e-4;

/**
 * Two of three values beyond a limit: normal values' limit, or a farther one that the metric's own values are beyond as seldom (stochastic approximation of a
 * quantile: Robbins and Monro 1951), since tails are seldom normal. State: the last two values beyond it by side, and both limits.
 */
const pair: DetectorOf = (averageRunLength, sides) => {
  const length = sides === "both" ? 2 * averageRunLength : averageRunLength;
  const [width, chance] = [pairWidth(length), pairChance(length)];
  const learnt = (limit: number, isBeyond: boolean): number =>
    Math.min(3 * width, Math.max(width, limit * Math.exp(tailGain * ((isBeyond ? 1 / chance : 0) - 1))));
  return {
    averageRunLength,
    start: [0, 0, width, width],
    observe([above, below, upLimit, downLimit], { z }, learn) {
      if (z === undefined) return undefined;
      const [isUp, isDown] = [z > upLimit!, -z > downLimit!];
      const [up, down] = [((above! << 1) | (isUp ? 1 : 0)) & 7, ((below! << 1) | (isDown ? 1 : 0)) & 7];
      const ones = (bits: number) => (bits & 1) + ((bits >> 1) & 1) + ((bits >> 2) & 1);
      const [ups, downs] = [sides === "below" ? 0 : ones(up), sides === "above" ? 0 : ones(down)];
      const most = Math.max(ups, downs);
      // two, and the latest is one of them: else the alarm was given before
      const isNew = most >= 2 && (ups >= downs ? isUp : isDown);
      return {
        state: [up & 3, down & 3, learn ? learnt(upLimit!, isUp) : upLimit!, learn ? learnt(downLimit!, isDown) : downLimit!],
        ratio: isNew ? 1 : most > 0 ? holdRatio : 0,
        side: sideOf(sides, ups >= downs),
        ago: isNew ? 2 : 0,
      };
    },
  };
};

/** A window's count whose exact chance is below one in a run length. */
const tail: DetectorOf = (averageRunLength, sides) => {
  const level = 1 / averageRunLength / (sides === "both" ? 2 : 1);
  return {
    averageRunLength,
    start: [],
    observe(state, { tails }) {
      if (!tails) return undefined;
      const isAbove = sides === "above" || (sides === "both" && tails.above < tails.below);
      const p = isAbove ? tails.above : tails.below;
      return { state, ratio: p <= level ? 1 : p <= 0.05 ? holdRatio : 0, side: isAbove ? "above" : "below", ago: 0 };
    },
  };
};

/** Page's test of likelihood ratios (1954): a sum that has a mean of 1 as a ratio needs `averageRunLength` windows at least to reach its limit (Lorden 1971). */
const likelihood: DetectorOf = (averageRunLength, sides) => {
  const h = Math.log(sides === "both" ? 2 * averageRunLength : averageRunLength);
  return {
    averageRunLength,
    start: [0, 0, 0, 0],
    observe([high, low, highFor, lowFor], input) {
      if (!input.likelihood) return undefined;
      const up = sides === "below" ? 0 : Math.max(0, high! + input.likelihood.above);
      const down = sides === "above" ? 0 : Math.max(0, low! + input.likelihood.below);
      const [upFor, downFor] = [up > 0 ? highFor! + 1 : 0, down > 0 ? lowFor! + 1 : 0];
      const isAbove = up >= down;
      return {
        state: [Math.min(up, h), Math.min(down, h), upFor, downFor],
        ratio: Math.max(up, down) / h,
        side: sideOf(sides, isAbove),
        ago: isAbove ? upFor : downFor,
      };
    },
  };
};

const jumpWindow = 120;
/** The mean jumped; sees when. State: sums of the values since each of the latest moments. */
const jump: DetectorOf = averageRunLength => ({
  averageRunLength,
  start: [],
  observe(state, { slow }) {
    if (slow === undefined) return undefined;
    const sums = jumpSums(state, slow, jumpWindow);
    const { sum, ago } = jumpEvidence(sums, 1);
    const isJump = sum >= averageRunLength;
    return { state: isJump ? [] : sums, ratio: isJump ? 1 : 0, side: (sums[ago - 1] ?? 0) > 0 ? "above" : "below", ago };
  },
});

const changeWindow = 60;
/** Mean or spread changed (Bayesian online change points). State: numbers of each of the latest moments. */
const change: DetectorOf = averageRunLength => ({
  averageRunLength,
  start: [],
  observe(state, { slow }) {
    if (slow === undefined) return undefined;
    const sums = changeSums(state, slow, changeWindow);
    const { sum, ago, mean } = changeEvidence(sums);
    const isChange = sum >= averageRunLength;
    return { state: isChange ? [] : sums, ratio: isChange ? 1 : 0, side: mean > 0 ? "above" : "below", ago };
  },
});

export const detectors = {
  ewma: ewma(0.1),
  cusum: cusum(0.5),
  creep: cusum(0.25),
  pair,
  tail,
  likelihood,
  jump,
  change,
  dayOutlier: seasonOutlier(dayWindow),
  weekOutlier: seasonOutlier(weekWindow),
} as const satisfies Record<string, DetectorOf>;
export type DetectorName = keyof typeof detectors;
