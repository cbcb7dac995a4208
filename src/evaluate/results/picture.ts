/** Confusion, curves and reliability of a result whose items carry probabilities, from what is recorded of each item. */
import { type ClassPicture, classPicture, reliabilityOf } from "../classification/index.ts";
import { chosen } from "./chosen.ts";
import type { ItemResult, ResultHead } from "./item.ts";
import { probabilities } from "./probabilities.ts";

/**
 * Undefined where items have no choices. Where each item has choices of its own there are no classes: `classes`, `confusion` and `curves` are empty then.
 * Of several right choices the first one is the item's class.
 */
export function pictureOf({ positive }: Pick<ResultHead, "positive">, items: readonly ItemResult[]): ClassPicture | undefined {
  const [first] = items;
  if (!first || !items.every(i => i.choices && i.gold?.length && i.logLikelihoods)) return undefined;
  const rows = items.map(probabilities);
  const classes = first.choices!;
  const isShared = items.every(i => i.choices!.length === classes.length && i.choices!.every((c, k) => c === classes[k]));
  if (!isShared) return { classes: [], confusion: [], curves: [], reliability: reliabilityOf(rows, (i, k) => items[i]!.gold!.includes(k)) };
  const told = Int32Array.from(items, i => chosen(i));
  return classPicture({ classes, truth: Int32Array.from(items, i => i.gold![0]!), probabilities: rows, told }, positive);
}
