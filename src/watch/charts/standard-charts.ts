/** Charts of standardised values: Shewhart's individuals, EWMA, CUSUM with fast initial response. An alarm starts a chart anew. */
import { checkSetting, checkValue } from "../errors.ts";
import type { ChartSignal, ControlChart } from "./chart.ts";
import { cusumLimit, ewmaWidth, shewhartWidth } from "./run-length.ts";

const checkZ = (z: number): void => checkValue(Number.isFinite(z), "z", "a finite number", z);

/** Sides that a chart looks at; one alone has all of the false alarms, so its limit is nearer. */
export type ChartSides = "both" | "above" | "below";
/** Run length of the two-sided chart with the same limit: its sides share the false alarms (Kemp 1971). */
export const twoSided = (averageRunLength: number, sides: ChartSides): number =>
  sides === "both" ? averageRunLength : averageRunLength / 2;

const outside = (rule: string, value: number, limit: number, sides: ChartSides): ChartSignal | undefined => {
  const side = value > 0 ? "above" : "below";
  return Math.abs(value) > limit && (sides === "both" || sides === side) ? { rule, side, value, limit } : undefined;
};

/** Shewhart's chart of individuals (1931): an alarm where one value is too far out. Errors: watch/setting. */
export function shewhartChart({
  averageRunLength = 370.4,
  sides = "both",
}: {
  readonly averageRunLength?: number;
  readonly sides?: ChartSides;
} = {}): ControlChart<null> {
  const width = shewhartWidth(twoSided(averageRunLength, sides));
  return {
    name: "shewhart",
    averageRunLength,
    start: null,
    observe(state, z) {
      checkZ(z);
      return { state, signal: outside("limit", z, width, sides) };
    },
  };
}

export interface EwmaState {
  readonly average: number;
}

/** Limit of an EWMA, in deviations of values. Errors: watch/setting. */
export const ewmaLimit = (lambda: number, averageRunLength: number, sides: ChartSides): number =>
  ewmaWidth(lambda, averageRunLength, sides !== "both") * Math.sqrt(lambda / (2 - lambda));

/** The next average; the limit is as far as it goes on a side that nobody looks at, so that it comes back soon (inertia: Woodall and Mahmoud 2005). */
export const ewmaStep = (average: number, z: number, lambda: number, limit: number): number =>
  lambda * z + (1 - lambda) * Math.max(-limit, Math.min(limit, average));

/** EWMA chart (Roberts 1959) with constant limits: small lasting shifts. Errors: watch/setting. */
export function ewmaChart({
  lambda = 0.1,
  averageRunLength = 370.4,
  sides = "both",
}: {
  readonly lambda?: number;
  readonly averageRunLength?: number;
  readonly sides?: ChartSides;
} = {}): ControlChart<EwmaState> {
  const limit = ewmaLimit(lambda, averageRunLength, sides);
  const start = { average: 0 };
  return {
    name: "ewma",
    averageRunLength,
    start,
    observe(state, z) {
      checkZ(z);
      const average = ewmaStep(state.average, z, lambda, limit);
      const signal = outside("ewma", average, limit, sides);
      return signal ? { state: start, signal } : { state: { average } };
    },
  };
}

export interface CusumState {
  readonly high: number;
  readonly low: number;
  /** Values since each side was last at 0: how long ago the shift began. */
  readonly highFor: number;
  readonly lowFor: number;
}

export interface CusumOptions {
  /** Half of the shift that is to be found soon, in deviations. */
  readonly k?: number;
  readonly averageRunLength?: number;
  /** Share of the limit at which both sides begin, and begin again after an alarm (Lucas and Crosier 1982). 0 to 0.5. */
  readonly headStart?: number;
  readonly sides?: ChartSides;
}

/** CUSUM (Page 1954). Errors: watch/setting. */
export function cusumChart({
  k = 0.5,
  averageRunLength = 370.4,
  headStart = 0.5,
  sides = "both",
}: CusumOptions = {}): ControlChart<CusumState> {
  checkSetting(headStart >= 0 && headStart <= 0.5, "headStart", "0 to 0.5", headStart);
  const h = cusumLimit(k, twoSided(averageRunLength, sides));
  const plain: CusumState = { high: 0, low: 0, highFor: 0, lowFor: 0 };
  const restart: CusumState = { ...plain, high: headStart * h, low: headStart * h };
  return {
    name: "cusum",
    averageRunLength,
    // only what follows an alarm begins ahead: a monitor that starts in control keeps the run length that it is declared by
    start: plain,
    observe(state, z) {
      checkZ(z);
      const high = sides === "below" ? 0 : Math.max(0, state.high + z - k);
      const low = sides === "above" ? 0 : Math.max(0, state.low - z - k);
      if (high > h || low > h)
        return {
          state: restart,
          signal: { rule: "cusum", side: high > h ? "above" : "below", value: Math.max(high, low), limit: h },
        };
      return { state: { high, low, highFor: high > 0 ? state.highFor + 1 : 0, lowFor: low > 0 ? state.lowFor + 1 : 0 } };
    },
  };
}
