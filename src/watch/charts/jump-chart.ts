/**
 * A chart of jumps of the mean, by how much and when unknown: Shiryaev and Roberts' sum of likelihood ratios over all moments at which it may have jumped, the
 * jump mixed over a normal distribution (Pollak 1987; over a window: Lai 1995). Without a jump the sum less the number of values is a martingale, so the run
 * length is at least the limit: declared, not calibrated. It is what Bayesian online change-point detection becomes where jumps are rare.
 */
import { checkSetting, checkValue } from "../errors.ts";
import type { ControlChart } from "./chart.ts";

export interface JumpState {
  /** Sums of the values since each of the latest moments, the latest first. */
  readonly sums: readonly number[];
}

export interface JumpOptions {
  readonly averageRunLength?: number;
  /** Moments that are kept (default 120): a jump that is found later than that is not found by this chart. */
  readonly window?: number;
  /** Deviation of jumps, in deviations of values (default 1). */
  readonly spread?: number;
}

/** Sum of likelihood ratios, and how many values ago the jump most probably was. */
export function jumpEvidence(sums: readonly number[], spread: number): { readonly sum: number; readonly ago: number } {
  let [sum, best, ago] = [0, 0, 0];
  for (const [i, s] of sums.entries()) {
    const information = 1 + (i + 1) * spread * spread;
    const ratio = Math.exp((s * s * spread * spread) / (2 * information)) / Math.sqrt(information);
    sum += ratio;
    if (ratio > best) [best, ago] = [ratio, i + 1];
  }
  return { sum, ago };
}

/** Sums with a value more. */
export const jumpSums = (sums: readonly number[], z: number, window: number): readonly number[] => [
  z,
  ...sums.slice(0, window - 1).map(s => s + z),
];

/** Values are standardised. A signal's value and limit are the sum's and its limit. Errors: watch/setting. */
export function jumpChart({ averageRunLength = 370.4, window = 120, spread = 1 }: JumpOptions = {}): ControlChart<JumpState> {
  checkSetting(averageRunLength >= 2, "averageRunLength", "2 values or more", averageRunLength);
  checkSetting(Number.isInteger(window) && window >= 1, "window", "a whole number from 1", window);
  checkSetting(spread > 0, "spread", "a number above 0", spread);
  const start: JumpState = { sums: [] };
  return {
    name: "jump",
    averageRunLength,
    start,
    observe(state, z) {
      checkValue(Number.isFinite(z), "z", "a finite number", z);
      const sums = jumpSums(state.sums, z, window);
      const { sum, ago } = jumpEvidence(sums, spread);
      if (sum < averageRunLength) return { state: { sums } };
      return { state: start, signal: { rule: "jump", side: sums[ago - 1]! > 0 ? "above" : "below", value: sum, limit: averageRunLength } };
    },
  };
}
