/** Distillation as a stage: the same as for instructions, with a teacher beside base and examples. */
import { encodeExamples } from "../instruct/encode.ts";
import { exampleStage, type InstructSurroundings } from "../instruct/stage.ts";
import { distillFitOptions } from "./options.ts";
import { tuneDistilled } from "./tune.ts";

export const distillStage = (around: InstructSurroundings, result: "adapter" | "merged") =>
  exampleStage(
    {
      name: "distill",
      recipe: distillFitOptions,
      inputs: { teacher: "model" },
      encode: encodeExamples,
      tune: tuneDistilled(around.textOf),
      idsOf: e => e.ids,
      trainedOf: e => e.trained.reduce((n, t) => n + t, 0),
    },
    around,
    result,
  );
