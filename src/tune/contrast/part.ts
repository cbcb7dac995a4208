/** `tune:` of a model with `task: embed`. */
import { z } from "zod";
import { examplesFile } from "../names.ts";
import { embedOptions } from "./options.ts";

export const embedPart = embedOptions.extend({
  task: z.literal("embed").describe("Task: sentence embeddings."),
  on: examplesFile.meta({ description: "File with pairs or triplets, relative to the project.", examples: ["data/pairs.jsonl"] }),
  scored: examplesFile.optional().describe("File with scored pairs, for evaluation only."),
});
