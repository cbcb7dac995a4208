/** Two shares, a of n and b of m: Fisher's exact test, and an interval of their difference. */
import { checkArgument } from "../errors.ts";
import { type Interval, wilson } from "../proportion.ts";
import { logGamma } from "../special.ts";

function checkShares(a: number, n: number, b: number, m: number): void {
  for (const [k, of, place] of [
    [a, n, "a of n"],
    [b, m, "b of m"],
  ] as const)
    checkArgument(
      Number.isInteger(k) && Number.isInteger(of) && of > 0 && k >= 0 && k <= of,
      place,
      "counts, k of n above 0",
      `${k} of ${of}`,
    );
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

/**
 * Fisher's exact test that a of n and b of m have one chance: twice the smaller tail of the hypergeometric distribution, at most 1. Never 0.
 * Errors: statistics/argument.
 */
export function fisherExact(a: number, n: number, b: number, m: number): number {
  checkShares(a, n, b, m);
  const both = a + b;
  const all = n + m;
  // the tail away from the mean falls from its first term on
  const isUpper = b * all >= both * m;
  let term = Math.exp(logChoose(n, a) + logChoose(m, b) - logChoose(all, both));
  let [tail, x] = [0, b];
  while (term > 1e-17 * tail && x >= 0) {
    tail += term;
    // P(x + 1) / P(x), or P(x - 1) / P(x)
    term *= isUpper ? ((both - x) * (m - x)) / ((x + 1) * (n - both + x + 1)) : (x * (n - both + x)) / ((both - x + 1) * (m - x + 1));
    x += isUpper ? 1 : -1;
  }
  return Math.max(Number.MIN_VALUE, Math.min(1, 2 * tail));
}

/** The second share less the first, by Wilson's intervals of both (Newcombe 1998, method 10). Errors: statistics/argument. */
export function shareDifference(a: number, n: number, b: number, m: number, confidence = 0.95): Interval {
  checkShares(a, n, b, m);
  const [x, y] = [wilson(a, n, confidence), wilson(b, m, confidence)];
  const value = y.value - x.value;
  return {
    value,
    low: value - Math.hypot(y.value - y.low, x.high - x.value),
    high: value + Math.hypot(y.high - y.value, x.value - x.low),
  };
}
