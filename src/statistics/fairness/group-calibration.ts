/**
 * Calibration within groups: does a probability mean the same in every group? The expected calibration error of each group, by ten bins of equal width.
 * Above 0 for a perfect model of finite items, the more so the smaller the group.
 */
import type { BinnedResiduals } from "../calibration-interval.ts";
import type { GroupedPredictions } from "./cells.ts";

export const calibrationBins = 10;
const bins = calibrationBins;

/** Probabilities less truth of one class, in the bins of each group. */
export function groupResiduals(data: GroupedPredictions, outcome: number): BinnedResiduals {
  const p = Float64Array.from(data.probabilities!, row => row[outcome]!);
  return { groupOf: data.groupOf, binOf: p.map(binOf), residual: p.map((x, i) => x - (data.truth[i] === outcome ? 1 : 0)) };
}

const binOf = (probability: number): number => Math.min(bins - 1, Math.floor(probability * bins));

/** The error of each group at some places for one class; not a number for a group without items. */
export function drawnGroupCalibration(data: GroupedPredictions, outcome: number): (at: ArrayLike<number>) => Float64Array {
  const p = Float64Array.from(data.probabilities!, row => row[outcome]!);
  const bin = Int32Array.from(p, binOf);
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
