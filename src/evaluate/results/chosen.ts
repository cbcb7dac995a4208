/** Which choice came of an item. */
import { type LabelledPair, labelled } from "../classification/index.ts";
import type { ItemResult } from "./item.ts";

/** The first greatest, as NumPy's argmax. */
export const indexOfGreatest = (list: readonly number[]): number => list.reduce((best, v, i) => (v > list[best]! ? i : best), 0);

/** Which choice is told: the one of greatest log-likelihood, as it is or over its length, or what a classifier's own threshold decides. */
export const chosen = (i: Pick<ItemResult, "logLikelihoods" | "told" | "letters" | "bytes">, by?: "letters" | "bytes"): number => {
  const lengths = by && i[by];
  return lengths ? indexOfGreatest(i.logLikelihoods!.map((v, k) => v / lengths[k]!)) : (i.told ?? indexOfGreatest(i.logLikelihoods!));
};

/** The right and the told labels of items that have one right label each. */
export const labelledOf = (items: readonly ItemResult[]): LabelledPair =>
  labelled(
    items.map(i => i.choices![i.gold![0]!]!),
    items.map(i => i.choices![chosen(i)]!),
  );
