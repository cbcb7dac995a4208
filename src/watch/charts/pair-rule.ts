/**
 * Two of three values beyond one limit: what a single outlier does not alarm and a burst does. The run length is that of a chain of three states: no value
 * beyond the limit lately, the last one, the one before it.
 */
import { normalQuantile } from "../../statistics/index.ts";
import { checkSetting } from "../errors.ts";

/** Values until two of three are beyond a limit that each is beyond with the chance `p`. */
export const pairRunLength = (p: number): number => (1 / p + 2 - p) / (p * (2 - p));

/** Chance of one value beyond the limit, at which a side has the run length. Errors: watch/setting. */
export function pairChance(averageRunLength: number): number {
  checkSetting(averageRunLength >= 2 && averageRunLength <= 1e9, "averageRunLength", "2 to 1e9 values", averageRunLength);
  let [low, high] = [1e-6, 1];
  for (let step = 0; step < 100; step++) {
    const middle = Math.sqrt(low * high);
    if (pairRunLength(middle) > averageRunLength) low = middle;
    else high = middle;
  }
  return high;
}

/** Limit of one side in deviations. Errors: watch/setting. */
export const pairWidth = (averageRunLength: number): number => normalQuantile(1 - pairChance(averageRunLength));
