/** How often a value of the second sample is above one of the first: an effect that has no unit, and is 0.5 where neither tends to be larger. */
import { normalQuantile } from "../distributions.ts";
import type { Interval } from "../proportion.ts";
import { sortedSample, walkBoth } from "./samples.ts";

/**
 * P(Y > X) + P(Y = X) / 2 with its interval (DeLong, DeLong and Clarke-Pearson 1988), on the scale of logits so that it stays between 0 and 1.
 * Errors: statistics/argument.
 */
export function superiority(x: ArrayLike<number>, y: ArrayLike<number>, confidence = 0.95): Interval {
  const [a, b] = [sortedSample(x, "x"), sortedSample(y, "y")];
  const [n, m] = [a.length, b.length];
  // sums over values of the other sample's share below (ties half), and of their squares
  let [sum, squaresX, squaresY] = [0, 0, 0];
  let [lastX, lastY] = [0, 0];
  walkBoth(a, b, (i, j) => {
    const belowY = (lastX + i) / 2 / n;
    const aboveX = 1 - (lastY + j) / 2 / m;
    sum += (j - lastY) * belowY;
    squaresY += (j - lastY) * belowY ** 2;
    squaresX += (i - lastX) * aboveX ** 2;
    [lastX, lastY] = [i, j];
  });
  const value = sum / m;
  const spread = (squares: number, count: number) => (count > 1 ? Math.max(0, squares / count - value ** 2) / (count - 1) : 0.25);
  const error = Math.sqrt(spread(squaresX, n) + spread(squaresY, m));
  // at 0 and 1 the spread is 0: the interval of a share whose half a case is missing
  const inner = Math.min(1 - 0.5 / (n + m), Math.max(0.5 / (n + m), value));
  const width = Math.max(error, value === inner ? 0 : 1 / (n + m)) / (inner * (1 - inner));
  const reach = normalQuantile(1 - (1 - confidence) / 2) * width;
  const [logit, back] = [Math.log(inner / (1 - inner)), (t: number) => 1 / (1 + Math.exp(-t))];
  return { value, low: Math.min(value, back(logit - reach)), high: Math.max(value, back(logit + reach)) };
}
