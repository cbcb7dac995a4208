/** Tuning by preferences as a stage: the same as for instructions, with pairs or rated answers for examples. */
import { exampleStage, type InstructSurroundings } from "../instruct/stage.ts";
import { pairFitOptions, ratingFitOptions } from "./options.ts";
import { encodePairs } from "./pairs.ts";
import { encodeRatings } from "./rated.ts";
import { tunePreference } from "./tune.ts";
import { tuneRatings } from "./tune-ratings.ts";

const count = (trained: Uint8Array): number => trained.reduce((n, t) => n + t, 0);

/** Learns from pairs of answers, the first of each better. */
export const preferenceStage = (around: InstructSurroundings, result: "adapter" | "merged") =>
  exampleStage(
    {
      name: "preference",
      recipe: pairFitOptions,
      encode: (text, examples, o) => ({ ...encodePairs(text, examples, o), cut: 0 }),
      tune: tunePreference,
      idsOf: e => e.chosen.ids,
      trainedOf: e => count(e.chosen.trained) + count(e.rejected.trained),
    },
    around,
    result,
  );

/** Learns from single answers, each good or not (KTO). */
export const ratingStage = (around: InstructSurroundings, result: "adapter" | "merged") =>
  exampleStage(
    {
      name: "ratings",
      recipe: ratingFitOptions,
      encode: (text, examples, o) => ({ ...encodeRatings(text, examples, o), cut: 0 }),
      tune: tuneRatings,
      idsOf: e => e.answer.ids,
      trainedOf: e => count(e.answer.trained),
    },
    around,
    result,
  );
