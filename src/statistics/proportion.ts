/** How sure a share is: k of n. Never Wald's interval, which is empty at 0 and at n. */

import { betaQuantile, binomialBelow, normalQuantile } from "./distributions.ts";
import { checkArgument, outOf } from "./errors.ts";

/** An estimate between two ends. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

function counted(k: number, n: number, confidence: number): void {
  checkArgument(Number.isInteger(n) && n > 0, "n", "a whole number above 0", n);
  checkArgument(Number.isInteger(k) && k >= 0 && k <= n, "k", `a whole number from 0 to ${n}`, k);
  outOf(confidence, "confidence");
}

/** Wilson's score interval (1927). */
export function wilson(k: number, n: number, confidence = 0.95): Interval {
  counted(k, n, confidence);
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const [p, zz] = [k / n, z * z];
  const centre = (p + zz / (2 * n)) / (1 + zz / n);
  const reach = (z / (1 + zz / n)) * Math.sqrt((p * (1 - p)) / n + zz / (4 * n * n));
  return { value: p, low: k === 0 ? 0 : centre - reach, high: k === n ? 1 : centre + reach };
}

/** Clopper and Pearson's exact interval (1934): covers at least as often as it says. */
export function clopperPearson(k: number, n: number, confidence = 0.95): Interval {
  counted(k, n, confidence);
  const rest = (1 - confidence) / 2;
  return { value: k / n, low: k === 0 ? 0 : betaQuantile(rest, k, n - k + 1), high: k === n ? 1 : betaQuantile(1 - rest, k + 1, n - k) };
}

/** Two-sided exact test that k of n came with probability one half. */
export function signTest(k: number, n: number): number {
  checkArgument(Number.isInteger(n) && n >= 0, "n", "a whole number from 0 on", n);
  checkArgument(Number.isInteger(k) && k >= 0 && k <= n, "k", `a whole number from 0 to ${n}`, k);
  return n === 0 ? 1 : Math.min(1, 2 * binomialBelow(Math.min(k, n - k), n, 0.5));
}
