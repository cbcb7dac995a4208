/** How often one of k programs is right, told from n of which c are (Chen et al. 2021, "Evaluating large language models trained on code", eq. 1). */
import { checkArgument } from "./errors.ts";

/**
 * 1 - C(n - c, k) / C(n, k), unbiased: the mean over all choices of k of the n. As a product of shares, which never overflows. Errors:
 * statistics/argument.
 */
export function passAtK(n: number, c: number, k: number): number {
  checkArgument(Number.isInteger(n) && n > 0, "n", "a whole number above 0", n);
  checkArgument(Number.isInteger(c) && c >= 0 && c <= n, "c", `a whole number from 0 to ${n}`, c);
  checkArgument(Number.isInteger(k) && k >= 1 && k <= n, "k", `a whole number from 1 to ${n}`, k);
  if (n - c < k) return 1;
  let none = 1;
  for (let i = n - c + 1; i <= n; i++) none *= 1 - k / i;
  return 1 - none;
}
