/** Preferences as a kind of tuning: `task: preference`. */
import type { Encoded } from "../instruct/encode.ts";
import { exampleKind, withoutData } from "../instruct/example-kind.ts";
import { resultKinds } from "../instruct/options.ts";
import type { PreviewEncoder, TuningKind } from "../kind/kind.ts";
import { pairsJudge, ratingsJudge, reference } from "./judges.ts";
import { encodePairs } from "./pairs.ts";
import { type PreferencePart, preferenceRow } from "./part.ts";
import { encodeRatings } from "./rated.ts";
import { preferenceStage, ratingStage } from "./stage.ts";

/** Both sequences of a pair, each by itself. */
const pairsForPreview: PreviewEncoder = (text, examples, o) => {
  const { encoded, ...rest } = encodePairs(text, examples, o);
  const side = (e: (typeof encoded)[number], name: "chosen" | "rejected"): Encoded => ({
    ...e[name],
    place: `${e.place}: ${name}`,
    cut: 0,
  });
  return { ...rest, encoded: encoded.flatMap(e => [side(e, "chosen"), side(e, "rejected")]), cut: 0 };
};
const ratingsForPreview: PreviewEncoder = (text, examples, o) => {
  const { encoded, ...rest } = encodeRatings(text, examples, o);
  return { ...rest, encoded: encoded.map(e => ({ ...e.answer, place: `${e.place} (${e.isGood ? "good" : "bad"})`, cut: 0 })), cut: 0 };
};

export const preferenceKind: TuningKind<PreferencePart> = {
  ...exampleKind<PreferencePart>({
    ...preferenceRow,
    tuning(own, { name, around }) {
      const { result, bad, long, length, ...recipe } = withoutData(own);
      const stageOf = recipe.loss === "kto" ? ratingStage : preferenceStage;
      return { definition: stageOf(around, result ?? "merged"), options: { name, answers: "all", long, bad, length, recipe } };
    },
    stages: around => resultKinds.flatMap(result => [preferenceStage(around, result), ratingStage(around, result)]),
    encoders: { preference: pairsForPreview, ratings: ratingsForPreview },
    encoderOf: ({ loss }) => (loss === "kto" ? "ratings" : "preference"),
    yardstick({ loss, beta, smoothing, margin, desirable, undesirable }) {
      if (loss === "kto")
        return {
          name: ratingsJudge.name,
          judge: () => ratingsJudge,
          options: { beta, desirable, undesirable },
          beside: { [reference]: "base" },
        };
      const judge = pairsJudge(loss);
      const options = { loss, beta, smoothing, margin };
      return { name: judge.name, judge: () => judge, options, beside: judge.beside ? { [reference]: "base" } : {} };
    },
    unit: ({ loss }) => (loss === "kto" ? "loss of an answer" : "loss of a pair"),
  }),
};
