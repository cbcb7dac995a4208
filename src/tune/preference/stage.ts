/** Tuning by preferences as a stage: the same as for instructions, with pairs for examples. */
import { exampleStage, type InstructSurroundings } from "../instruct/stage.ts";
import { encodePairs } from "./pairs.ts";
import { preferenceFitOptions, tunePreference } from "./tune.ts";

export const preferenceStage = (around: InstructSurroundings, result: "adapter" | "merged") =>
  exampleStage(
    {
      name: "preference",
      recipe: preferenceFitOptions,
      encode: (text, examples, o) => ({ ...encodePairs(text, examples, o), cut: 0 }),
      tune: tunePreference,
      idsOf: e => e.chosen.ids,
      trainedOf: e => [e.chosen, e.rejected].reduce((n, side) => n + side.trained.reduce((s, t) => s + t, 0), 0),
    },
    around,
    result,
  );
