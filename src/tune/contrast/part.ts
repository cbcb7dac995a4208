/** `tune:` of a model with `task: embed`. */
import { z } from "zod";
import { kindPart } from "../kind/kind-part.ts";
import { exampleFile } from "../names.ts";
import { embedOptions } from "./options.ts";

const embedPart = embedOptions.extend({
  task: z.literal("embed").describe("Task: sentence embeddings."),
  on: exampleFile.meta({ description: "File with pairs or triplets, relative to the project.", examples: ["data/pairs.jsonl"] }),
  scored: exampleFile.optional().describe("File with scored pairs, for evaluation only."),
});
export type EmbedPart = z.output<typeof embedPart>;

export const embedRow = kindPart<EmbedPart, typeof embedPart>({
  part: embedPart,
  losses: { "tune-embed": "nats per anchor" },
  reads: "file",
  tellsWrong: true,
});
