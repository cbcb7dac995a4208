/** Measures of scored pairs: how the cosines of a model's vectors go along with the scores that people gave. */
import { drawnPearson, drawnSpearman } from "../../statistics/index.ts";
import type { ItemResult } from "./item.ts";
import type { MakeMeasure } from "./measure.ts";

/** How far a pair stands from its right place, 0 at best: a correlation is of all pairs together, so this is what one pair can be held by. */
const ofOne = ({ places }: ItemResult): number => -Math.abs(places![0] - places![1]);

/** Not a number for a draw on which a side does not vary; the bootstrap leaves it out. */
const correlation =
  (of: typeof drawnPearson): MakeMeasure =>
  name => ({
    name,
    better: "higher",
    kind: "whole",
    value: ofOne,
    prepare: items => {
      const drawn = of(
        items.map(i => i.cosine!),
        items.map(i => i.score!),
      );
      return at => (at.length < 2 ? Number.NaN : drawn(at));
    },
  });

export const similarityMeasures: Readonly<Record<string, MakeMeasure>> = {
  spearman: correlation(drawnSpearman),
  pearson: correlation(drawnPearson),
};
