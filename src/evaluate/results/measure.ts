/** What a measure is, and the plainest kind of one. */
import type { ItemResult, ResultHead } from "./item.ts";

export type Figure = (items: ArrayLike<number>) => number;

export interface EvaluationMeasure {
  readonly name: string;
  readonly better: "higher" | "lower";
  /** `mean`: the figure is the mean of the items' values; `share`: of values that are 0 or 1; `whole`: of all of them together. */
  readonly kind: "share" | "mean" | "whole";
  /**
   * Its figure is of a choice by other items (`ItemResult.chooses`), which are drawn too: intervals by percentiles (`BootstrapOptions.method`). Gives an item's
   * value by what those among `items` choose; over the items that are told of, their mean is the figure.
   */
  readonly chooses?: (items: readonly ItemResult[]) => (item: ItemResult) => number;
  /** A figure of true and told labels of a classification task: guesses may exceed another model in it (`Difference.isChance`). */
  readonly isOfLabels?: boolean;
  /** Of items whose value nobody knows, which its figure leaves out: the same item as if it were the best or the worst; one that is known is itself. */
  readonly supposed?: (item: ItemResult, as: "best" | "worst") => ItemResult;
  /** An item's own value, with which two results of one item are held beside each other. */
  readonly value: (item: ItemResult) => number;
  readonly prepare: (items: readonly ItemResult[]) => Figure;
  /** Why its figure of these items is not a number, where it can say. */
  readonly why?: (items: readonly ItemResult[]) => string | undefined;
  /**
   * Its own interval, where draws of the figure give none: of a figure that is the greatest of several. `confidence` is of both sides. Not numbers where nothing
   * is known.
   */
  readonly interval?: (
    items: readonly ItemResult[],
    options: { readonly confidence: number; readonly draws: number },
  ) => { readonly low: number; readonly high: number };
  /** Strata that its draws keep: items of one group, say. */
  readonly strata?: (items: readonly ItemResult[]) => ArrayLike<number> | undefined;
}

export type MakeMeasure = (name: string, head: ResultHead) => EvaluationMeasure;

export const meanOf =
  (better: EvaluationMeasure["better"], kind: "share" | "mean", value: (i: ItemResult) => number): MakeMeasure =>
  name => ({
    name,
    better,
    kind,
    value,
    prepare: items => {
      const values = Float64Array.from(items, value);
      return at => {
        let sum = 0;
        for (let k = 0; k < at.length; k++) sum += values[at[k]!]!;
        return sum / at.length;
      };
    },
  });
