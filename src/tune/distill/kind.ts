/** Distillation as a kind of tuning: `task: distill`. */
import { encodeExamples } from "../instruct/encode.ts";
import { exampleKind, withoutData } from "../instruct/example-kind.ts";
import { resultKinds } from "../instruct/options.ts";
import type { TuningKind } from "../kind/kind.ts";
import { distilledJudge, endpointJudge, teacherInput } from "./judges.ts";
import { type DistillPart, distillRow } from "./part.ts";
import { distillEndpointStage, distillStage } from "./stage.ts";

export const distillKind: TuningKind<DistillPart> = {
  ...exampleKind<DistillPart>({
    ...distillRow,
    tuning(own, { name, around }) {
      const { result = "merged", bad, long, answers, length, teacher, ...recipe } = withoutData(own);
      const options = { name, answers, long, bad, length };
      if (typeof teacher === "string")
        return { definition: distillStage(around, result), options: { ...options, recipe }, inputs: { teacher } };
      const { endpoint, model, topLogprobs } = teacher;
      const { temperature: _, ...rest } = recipe;
      return {
        definition: distillEndpointStage(around, around.reach(name, teacher), result),
        options: { ...options, recipe: { ...rest, teacher: { endpoint, model, topLogprobs } } },
      };
    },
    stages: around => resultKinds.map(result => distillStage(around, result)),
    encoders: { distill: encodeExamples, "distill-endpoint": encodeExamples },
    encoderOf: () => "distill",
    yardstick({ answers, soft, temperature, teacher }) {
      if (typeof teacher === "string")
        return {
          name: "judge-distilled",
          judge: around => distilledJudge(around),
          options: { answers, soft, temperature },
          beside: { [teacherInput]: "teacher" },
        };
      const { endpoint, model, topLogprobs } = teacher;
      return {
        name: "judge-distilled-endpoint",
        judge: (around, name) => endpointJudge(around.reach(name, teacher)),
        options: { answers, soft, teacher: { endpoint, model, topLogprobs } },
        beside: {},
      };
    },
    unit: () => "loss of a token",
  }),
};
