/** `tune:` of a model with `task: instruct`. */
import { z } from "zod";
import { examples } from "../names.ts";
import { ofFiles } from "./of-files.ts";
import { instructOptions } from "./options.ts";

export const instructPart = instructOptions.extend({
  task: z.literal("instruct").describe("Task: instruction tuning."),
  on: examples.meta({ description: "File of examples, relative to the project, or a data set.", examples: ["data/chats.jsonl"] }),
  ...ofFiles,
});
