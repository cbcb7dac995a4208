/** `tune:` of a model with `task: distill`. */
import { z } from "zod";
import { checkFiles, ofFiles } from "../instruct/of-files.ts";
import { kindPart } from "../kind/kind-part.ts";
import { examplesOn, modelName } from "../names.ts";
import { distillOptions, endpointTeacherOptions } from "./options.ts";

const distillPart = distillOptions.extend({
  task: z.literal("distill").describe("Task: distillation."),
  on: examplesOn.meta({ description: "File of examples, relative to the project, or a data set.", examples: ["data/chats.jsonl"] }),
  ...ofFiles,
  teacher: z
    .union([modelName, endpointTeacherOptions])
    .describe("Teacher: a model of this file, a version, or a model behind an endpoint."),
});
export type DistillPart = z.output<typeof distillPart>;

export const distillRow = kindPart<DistillPart, typeof distillPart>({
  part: distillPart,
  reads: "either",
  inTokens: true,
  check(own, refuse) {
    const { teacher, temperature } = own;
    if (typeof teacher === "object" && temperature !== 1)
      refuse(
        ["temperature"],
        "1 for a teacher behind an endpoint: how what it does not tell divides among tokens is not known",
        temperature,
      );
    checkFiles(own, refuse);
  },
  modelsOf: ({ teacher }) => (typeof teacher === "string" ? [teacher] : []),
});
