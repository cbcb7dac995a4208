/**
 * Confidence interval of an area under the ROC curve from the area and the two sample sizes alone: Newcombe 2006 ("Confidence intervals for an effect size
 * measure based on the Mann-Whitney statistic, part 2", method 5). The variance is Hanley & McNeil's, taken at the hypothesised area, so the interval has
 * width at areas of 0 and 1, and at 0.5 it is the test of Mann and Whitney.
 */
import { checkArgument } from "./errors.ts";
import type { Interval } from "./proportion.ts";

const z95 = 1.959963984540054;

/** Variance of the estimate where the true area is `area`. */
function areaVariance(area: number, positives: number, negatives: number): number {
  const pairs = (positives + negatives) / 2 - 1;
  return (area * (1 - area) * (1 + pairs * ((1 - area) / (2 - area) + area / (1 + area)))) / (positives * negatives);
}

/** Interval of `area` at the level of `z` (default: 95 %). Errors: statistics/argument for an area outside [0, 1] or a side without an item. */
export function rocAreaInterval(area: number, positives: number, negatives: number, z = z95): Interval {
  checkArgument(area >= 0 && area <= 1, "area", "a number from 0 to 1", area);
  checkArgument(positives >= 1 && negatives >= 1, "items", "one positive and one negative at least", `${positives}, ${negatives}`);
  const isWithin = (true_: number) => (area - true_) ** 2 <= z * z * areaVariance(true_, positives, negatives);
  const end = (outer: number): number => {
    // areas between the estimate and the end are in, those beyond it are out
    let [inside, outside] = [area, outer];
    if (isWithin(outer)) return outer;
    for (let i = 0; i < 60; i++) {
      const middle = (inside + outside) / 2;
      if (isWithin(middle)) inside = middle;
      else outside = middle;
    }
    return inside;
  };
  return { value: area, low: end(0), high: end(1) };
}
