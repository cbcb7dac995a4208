/** `tune:` of a model with `task: preference`. */
import { z } from "zod";
import { ofFiles } from "../instruct/of-files.ts";
import { examples } from "../names.ts";
import { preferenceOptions } from "./options.ts";

export const preferencePart = preferenceOptions.extend({
  task: z.literal("preference").describe("Task: preference optimisation."),
  on: examples.meta({ description: "File of examples, relative to the project, or a data set.", examples: ["data/preferences.jsonl"] }),
  ...ofFiles,
});
