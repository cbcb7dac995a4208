/**
 * Scores of draws of the test part, for intervals: what `classificationScores` of their table gives, counted without the table. Classes^2 cells for each of a
 * thousand draws would be minutes for some hundred classes; the three counts of each class that accuracy and F1 follow from are not.
 */

/** A system's accuracy, its macro F1 and the F1 of each class (NaN for one that a draw lacks) on any items. The list is the same one each time. */
export function drawScorer(classes: number, truth: Int32Array, predicted: Int32Array): (items: ArrayLike<number>) => Float64Array {
  const [support, taken, right] = [new Float64Array(classes), new Float64Array(classes), new Float64Array(classes)];
  const out = new Float64Array(2 + classes);
  return items => {
    for (const counts of [support, taken, right]) counts.fill(0);
    let correct = 0;
    for (let i = 0; i < items.length; i++) {
      const [t, p] = [truth[items[i]!]!, predicted[items[i]!]!];
      support[t]!++;
      taken[p]!++;
      if (t !== p) continue;
      right[t]!++;
      correct++;
    }
    let [sum, occurring] = [0, 0];
    for (let c = 0; c < classes; c++) {
      // a class that neither side has is none of the draw's
      const f1 = (2 * right[c]!) / (support[c]! + taken[c]!);
      out[2 + c] = f1;
      if (Number.isNaN(f1)) continue;
      sum += f1;
      occurring++;
    }
    out[0] = correct / items.length;
    out[1] = sum / occurring;
    return out;
  };
}
