/** Measures of scored pairs: how the cosines of a model's vectors go along with the scores that people gave. */
import { pearson, spearman } from "../../statistics/index.ts";
import type { ItemResult } from "./item.ts";
import type { MakeMeasure } from "./measure.ts";

/** How far a pair stands from its right place, 0 at best: a correlation is of all pairs together, so this is what one pair can be held by. */
const ofOne = ({ places }: ItemResult): number => -Math.abs(places![0] - places![1]);

/** Not a number for a draw on which a side does not vary; the bootstrap leaves it out. */
const correlation =
  (of: (x: Float64Array, y: Float64Array) => number): MakeMeasure =>
  name => ({
    name,
    better: "higher",
    kind: "whole",
    value: ofOne,
    prepare: items => {
      const cosines = Float64Array.from(items, i => i.cosine!);
      const scores = Float64Array.from(items, i => i.score!);
      return at => {
        if (at.length < 2) return Number.NaN;
        return of(
          Float64Array.from(at, k => cosines[k]!),
          Float64Array.from(at, k => scores[k]!),
        );
      };
    },
  });

export const similarityMeasures: Readonly<Record<string, MakeMeasure>> = {
  spearman: correlation(spearman),
  pearson: correlation(pearson),
};
