/** The confusion matrix, from which every score of a classifier follows. */
import { evaluateErrors } from "../errors.ts";

/** True and predicted classes of n items, as indices into `classes`. */
export interface LabelledPair {
  readonly classes: readonly string[];
  readonly truth: Int32Array;
  readonly predicted: Int32Array;
}

export interface Confusion {
  readonly classes: readonly string[];
  /** `counts[t * classes.length + p]` items of class t were taken for p. */
  readonly counts: Float64Array;
  readonly total: number;
}

/**
 * Labels as indices; classes are those of either side, sorted by code units, so that no locale decides. Errors: evaluate/empty,
 * evaluate/items (sides of different length).
 */
export function labelled(truth: readonly string[], predicted: readonly string[]): LabelledPair {
  sameLength(truth.length, predicted.length, "predicted");
  const index = new Map<string, number>();
  const raw = [truth, predicted].map(side => {
    const out = new Int32Array(side.length);
    for (let i = 0; i < side.length; i++) {
      const at = index.get(side[i]!) ?? index.size;
      if (at === index.size) index.set(side[i]!, at);
      out[i] = at;
    }
    return out;
  });
  const classes = [...index.keys()].sort((a, b) => (a < b ? -1 : 1));
  const rank = new Int32Array(classes.length);
  for (const [to, name] of classes.entries()) rank[index.get(name)!] = to;
  const [t, p] = raw.map(side => side.map(at => rank[at]!));
  return { classes, truth: t!, predicted: p! };
}

/** Errors: evaluate/empty, evaluate/items. */
export function sameLength(items: number, other: number, place: string): void {
  if (items === 0) throw evaluateErrors.fail("empty", { place: "truth", expected: "an item or more", received: "0 items" });
  if (other !== items)
    throw evaluateErrors.fail("items", { place, expected: `${items} items, one for each true label`, received: `${other} items` });
}

/** Counts, of all items or of those at `items` (with repetitions, as the bootstrap draws them). */
export function confusion({ classes, truth, predicted }: LabelledPair, items?: ArrayLike<number>): Confusion {
  const k = classes.length;
  const counts = new Float64Array(k * k);
  const n = items ? items.length : truth.length;
  for (let i = 0; i < n; i++) {
    const at = items ? items[i]! : i;
    const cell = truth[at]! * k + predicted[at]!;
    counts[cell] = counts[cell]! + 1;
  }
  return { classes, counts, total: n };
}
