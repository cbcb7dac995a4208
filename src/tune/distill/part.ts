/** `tune:` of a model with `task: distill`. */
import { z } from "zod";
import { ofFiles } from "../instruct/of-files.ts";
import { examples, modelName } from "../names.ts";
import { distillOptions, endpointTeacherOptions } from "./options.ts";

export const distillPart = distillOptions.extend({
  task: z.literal("distill").describe("Task: distillation."),
  on: examples.meta({ description: "File of examples, relative to the project, or a data set.", examples: ["data/chats.jsonl"] }),
  ...ofFiles,
  teacher: z
    .union([modelName, endpointTeacherOptions])
    .describe("Teacher: a model of this file, a version, or a model behind an endpoint."),
});
