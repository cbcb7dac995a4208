/** Charts of counts, by the exact chance of as many: shares (p chart) and rates (u chart), for windows of any size. */
import { binomialBelow, upperGamma } from "../../statistics/index.ts";
import { checkSetting, checkValue } from "../errors.ts";
import type { ChartSignal } from "./chart.ts";

export interface CountChartOptions {
  /** In control: share of trials, or events a unit of exposure. */
  readonly expected: number;
  /** Windows between false alarms, at least: counts are whole numbers, so it is seldom met exactly. */
  readonly averageRunLength?: number;
  /** `above` alone for errors; default: both, each with half of the false alarms. */
  readonly sides?: "both" | "above" | "below";
}

export interface CountChart {
  readonly name: string;
  readonly averageRunLength: number;
  /** `count` events in a window of `size` trials or units of exposure. Errors: watch/value. */
  observe(count: number, size: number): ChartSignal | undefined;
}

/** P(X <= count) and P(X >= count) in control. */
type Tails = (count: number, size: number) => { readonly below: number; readonly above: number };

function countChart(name: string, tails: Tails, { expected, averageRunLength = 370.4, sides = "both" }: CountChartOptions): CountChart {
  checkSetting(averageRunLength >= 2, "averageRunLength", "2 windows or more", averageRunLength);
  const level = 1 / averageRunLength / (sides === "both" ? 2 : 1);
  return {
    name,
    averageRunLength,
    observe(count, size) {
      checkValue(Number.isInteger(count) && count >= 0, "count", "a whole number from 0", count);
      checkValue(Number.isFinite(size) && size > 0, "size", "a number above 0", size);
      const { below, above } = tails(count, size);
      if (sides !== "below" && above <= level) return { rule: "limit", side: "above", value: count / size, limit: expected };
      if (sides !== "above" && below <= level) return { rule: "limit", side: "below", value: count / size, limit: expected };
      return undefined;
    },
  };
}

/** Share of trials with an event (errors of requests). Errors: watch/setting. */
export function shareChart(options: CountChartOptions): CountChart {
  const { expected } = options;
  checkSetting(expected >= 0 && expected <= 1, "expected", "a share of 0 to 1", expected);
  return countChart(
    "p",
    (count, size) => {
      checkValue(Number.isInteger(size) && size >= count, "size", `a whole number from ${count}`, size);
      return { below: binomialBelow(count, size, expected), above: count === 0 ? 1 : 1 - binomialBelow(count - 1, size, expected) };
    },
    options,
  );
}

/** Events a unit of exposure (restarts an hour): Poisson. Errors: watch/setting. */
export function rateChart(options: CountChartOptions): CountChart {
  const { expected } = options;
  checkSetting(expected > 0 && Number.isFinite(expected), "expected", "a number above 0", expected);
  return countChart(
    "u",
    (count, size) => ({
      below: upperGamma(count + 1, expected * size),
      above: count === 0 ? 1 : 1 - upperGamma(count, expected * size),
    }),
    options,
  );
}
