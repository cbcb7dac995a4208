/**
 * Calibration within groups: does a probability mean the same in every group? The expected calibration error of each group, by ten bins of equal width.
 * Above 0 for a perfect model of finite items, the more so the smaller the group.
 */
import type { GroupedPredictions } from "./cells.ts";

const bins = 10;

/** The error of each group at some places for one class; not a number for a group without items. */
export function drawnGroupCalibration(data: GroupedPredictions, outcome: number): (at: ArrayLike<number>) => Float64Array {
  const p = Float64Array.from(data.probabilities!, row => row[outcome]!);
  const bin = Int32Array.from(p, x => Math.min(bins - 1, Math.floor(x * bins)));
  const size = data.groups.length * bins;
  return at => {
    const [said, seen] = [new Float64Array(size), new Float64Array(size)];
    const counts = new Float64Array(data.groups.length);
    for (let j = 0; j < at.length; j++) {
      const i = at[j]!;
      const cell = data.groupOf[i]! * bins + bin[i]!;
      said[cell] = said[cell]! + p[i]!;
      if (data.truth[i] === outcome) seen[cell] = seen[cell]! + 1;
      counts[data.groupOf[i]!] = counts[data.groupOf[i]!]! + 1;
    }
    return counts.map((n, g) => {
      let error = 0;
      for (let b = 0; b < bins; b++) error += Math.abs(said[g * bins + b]! - seen[g * bins + b]!);
      return n === 0 ? Number.NaN : error / n;
    });
  };
}
