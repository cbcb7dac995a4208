/**
 * A measure of generated text beside references. Every one is a function of sums over items, so that a corpus, a slice of it and each draw of
 * a bootstrap cost one addition an item.
 */
import { evaluateErrors } from "../errors.ts";

export interface TextMetric {
  readonly name: string;
  /** `higher` where absent. */
  readonly better?: "lower";
  /** What an item adds to the sums. `references` holds one or more texts. */
  statistics(prediction: string, references: readonly string[]): Float64Array;
  /** The figure of some sums, 0 to 1; one of which less is better may be more. */
  score(sums: Float64Array): number;
}

/** The mean of a value of each item. */
export const meanMetric = (name: string, value: (prediction: string, references: readonly string[]) => number): TextMetric => ({
  name,
  statistics: (prediction, references) => Float64Array.of(value(prediction, references), 1),
  score: sums => sums[0]! / sums[1]!,
});

export interface TextItem {
  readonly prediction: string;
  readonly references: readonly string[];
}

/** Statistics of each item. Errors: evaluate/empty (no items, or one without a reference). */
export function textStatistics(metric: TextMetric, items: readonly TextItem[]): Float64Array[] {
  if (items.length === 0) throw evaluateErrors.fail("empty", { place: "items", expected: "an item or more", received: "0" });
  return items.map(({ prediction, references }, i) => {
    if (references.length === 0)
      throw evaluateErrors.fail("empty", { place: `items[${i}].references`, expected: "a reference or more", received: "0" });
    return metric.statistics(prediction, references);
  });
}

/** The figure of all items, or of those at `at` (with repetitions). */
export function textScore(metric: TextMetric, statistics: readonly Float64Array[], at?: ArrayLike<number>): number {
  const sums = new Float64Array(statistics[0]!.length);
  const n = at ? at.length : statistics.length;
  for (let i = 0; i < n; i++) {
    const item = statistics[at ? at[i]! : i]!;
    for (let j = 0; j < sums.length; j++) sums[j] = sums[j]! + item[j]!;
  }
  return metric.score(sums);
}
