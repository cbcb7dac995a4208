/**
 * Seasonal Hybrid ESD as a detector: is the hour that has just ended an outlier among the hours of its season (`seasonal-outliers.ts`)? Level and season are
 * medians, so outliers of the past hide neither themselves nor others. It sees the metric itself and not the residuals of the seasonal model that other
 * detectors see: an hour that this model has learnt to expect may still be one that no other week had.
 */
import { newestLimits, newestOutlier } from "../anomaly/seasonal-outliers.ts";
import type { ChartSides } from "../charts/index.ts";
import type { Detector } from "./detectors.ts";

const hourMs = 3_600_000;
const minutesOfHour = 60;
/** Largest share of the hours that may be outliers. */
const mostShare = 0.1;
/** Level of all hours together from which limits are no lower: half of all series would have an outlier. */
const mostLevel = 0.5;

interface SeasonWindow {
  /** Hours of a season, and hours that are kept. */
  readonly period: number;
  readonly hours: number;
  /**
   * What Rosner's limits are multiplied by, at `factorLevels`: from 20,000 simulated normal series (`simulatedFactor`, seed "factors"). A phase of the season has
   * four values of a week or fourteen of a day, whose median is near each of them: residuals have heavier tails than what they come from.
   */
  readonly factors: readonly number[];
}

/** Levels of `factors`, falling. */
export const factorLevels = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002] as const;
/** Two weeks by the hour of the day. */
export const dayWindow: SeasonWindow = {
  period: 24,
  hours: 336,
  factors: [1.1263, 1.1728, 1.1893, 1.2027, 1.2159, 1.223, 1.2297, 1.2297],
};
/** Four weeks by the hour of the week. */
export const weekWindow: SeasonWindow = {
  period: 168,
  hours: 672,
  factors: [1.4249, 1.4864, 1.5088, 1.526, 1.5373, 1.5476, 1.5476, 1.5663],
};

/** Between levels of the table by their logarithm; beyond its ends as at them. */
function factorOf({ factors }: SeasonWindow, level: number): number {
  const at = factorLevels.findIndex(l => l <= level);
  if (at <= 0) return factors[at < 0 ? factors.length - 1 : 0]!;
  const [high, low] = [Math.log(factorLevels[at - 1]!), Math.log(factorLevels[at]!)];
  const share = (Math.log(level) - low) / (high - low);
  return factors[at]! + share * (factors[at - 1]! - factors[at]!);
}

/**
 * `averageRunLength` in minutes. The level is the chance of any outlier among `hours` of them, whose number is that of a Poisson distribution with the mean that
 * the run length says. One side has twice the mean, of which it sees half. The run length is at least the declared one: the level ends at `mostLevel`.
 */
export const seasonLevel = ({ hours }: SeasonWindow, averageRunLength: number, sides: ChartSides): number =>
  Math.min(mostLevel, -Math.expm1((-(sides === "both" ? 1 : 2) * hours * minutesOfHour) / averageRunLength));

/** State: number of the hour, sum and count of its minutes, the ratio and side (1 above, 0 below) of the last one, and the hours before, oldest first. */
export const seasonOutlier =
  (window: SeasonWindow) =>
  (averageRunLength: number, sides: ChartSides): Detector => {
    const { period, hours } = window;
    const level = seasonLevel(window, averageRunLength, sides);
    const limits = newestLimits(hours, level, Math.floor(mostShare * hours), factorOf(window, level));
    const judge = (values: readonly number[]): readonly [ratio: number, isAbove: number] => {
      if (values.length < hours) return [0, 1];
      const { ratio, side } = newestOutlier(values, period, limits);
      return [sides === "both" || sides === side ? ratio : 0, side === "above" ? 1 : 0];
    };
    return {
      averageRunLength,
      start: [],
      observe(state, { level: value, atMs }) {
        if (value === undefined || atMs === undefined || !Number.isFinite(value)) return undefined;
        const hour = Math.floor(atMs / hourMs);
        const [at = hour, sum = 0, count = 0, ratio = 0, isAbove = 1, ...values] = state;
        const result = (next: readonly number[]) => ({
          state: next,
          ratio: next[3]!,
          side: next[4] === 1 ? ("above" as const) : ("below" as const),
          ago: minutesOfHour,
        });
        // a clock that was set back by hours, or a stretch longer than a season without values: reset
        if (hour < at || hour - at > period) return result([hour, value, 1, 0, 1]);
        if (hour === at) return result([at, sum + value, count + 1, ratio, isAbove, ...values]);
        const ended = [...values, Number((sum / count).toPrecision(7))].slice(-hours);
        const judgedNow = judge(ended);
        // hours without values are as those a season before, which says nothing new
        for (let missing = at + 1; missing < hour; missing++) ended.push(ended.at(-period) ?? ended.at(-1)!);
        return result([hour, value, 1, ...judgedNow, ...ended.slice(-hours)]);
      },
    };
  };
