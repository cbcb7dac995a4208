/**
 * Reweighing (Kamiran and Calders 2012, "Data preprocessing techniques for classification without discrimination"): a weight for every item so that group and
 * class are independent in the weighted data. w(g, y) = P(g) P(y) / P(g, y); the weights of all items sum to their number.
 */
import { checkArgument } from "../errors.ts";

export interface ReweighingCell {
  /** Indices of group and class. */
  readonly group: number;
  readonly label: number;
  readonly items: number;
  readonly weight: number;
}

export interface Reweighing {
  /** One an item. */
  readonly weights: Float64Array;
  readonly cells: readonly ReweighingCell[];
  /** Pairs of group and class without an item: no weight makes up for them, so group and class stay dependent. */
  readonly empty: readonly (readonly [group: number, label: number])[];
}

/** `groupOf` and `labels` are indices from 0, one an item. Errors: statistics/argument. */
export function reweighing(groupOf: ArrayLike<number>, labels: ArrayLike<number>): Reweighing {
  const n = groupOf.length;
  checkArgument(n > 0, "groupOf", "an item or more", n);
  checkArgument(labels.length === n, "labels", `${n} classes, one an item`, labels.length);
  let [numGroups, numLabels] = [0, 0];
  for (let i = 0; i < n; i++) {
    checkArgument(Number.isInteger(groupOf[i]) && groupOf[i]! >= 0, `groupOf[${i}]`, "an index from 0", groupOf[i]);
    checkArgument(Number.isInteger(labels[i]) && labels[i]! >= 0, `labels[${i}]`, "an index from 0", labels[i]);
    numGroups = Math.max(numGroups, groupOf[i]! + 1);
    numLabels = Math.max(numLabels, labels[i]! + 1);
  }
  const [ofGroup, ofLabel, ofBoth] = [new Float64Array(numGroups), new Float64Array(numLabels), new Float64Array(numGroups * numLabels)];
  for (let i = 0; i < n; i++) {
    const [g, y] = [groupOf[i]!, labels[i]!];
    ofGroup[g] = ofGroup[g]! + 1;
    ofLabel[y] = ofLabel[y]! + 1;
    ofBoth[g * numLabels + y] = ofBoth[g * numLabels + y]! + 1;
  }
  const weightOf = (g: number, y: number): number => (ofGroup[g]! * ofLabel[y]!) / (n * ofBoth[g * numLabels + y]!);
  const cells: ReweighingCell[] = [];
  const empty: [number, number][] = [];
  for (let g = 0; g < numGroups; g++)
    for (let y = 0; y < numLabels; y++) {
      const items = ofBoth[g * numLabels + y]!;
      if (items > 0) cells.push({ group: g, label: y, items, weight: weightOf(g, y) });
      else if (ofGroup[g]! > 0 && ofLabel[y]! > 0) empty.push([g, y]);
    }
  return { weights: Float64Array.from({ length: n }, (_, i) => weightOf(groupOf[i]!, labels[i]!)), cells, empty };
}
