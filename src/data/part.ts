/** One entry of `data:` in `loam.yaml`: schemas alone, so that reading the file loads no reader and no step. */

import { z } from "zod";
import { augmentOptions } from "./augment/options.ts";
import { cardPart } from "./card/part.ts";
import { forgetEntry } from "./forget/entry.ts";
import { mixtureOptions } from "./mixture/options.ts";
import { sourceOptions, sourcesOptions, sourcesProblem } from "./sources/options.ts";
import { splitOptions } from "./steps/split/options.ts";
import { stepEntry } from "./steps/step-entry.ts";

export const partShape = z.strictObject({
  source: sourceOptions.optional().describe("Where the records come from. Use `sources` for several."),
  sources: sourcesOptions.optional().describe("Several sources by name."),
  steps: z
    .array(stepEntry)
    .default(["clean", "deduplicate"])
    .meta({ description: "Curation steps, in order.", examples: [["clean", { length: { minWords: 3 } }, "deduplicate"]] }),
  split: splitOptions.prefault({}).describe("Split into a train side and a held-out side."),
  keep: z
    .array(z.string().min(1))
    .default([])
    .describe("Ids of documents to keep whatever the steps decide. The ledger records the overruled verdict."),
  forget: z
    .array(forgetEntry)
    .default([])
    .meta({
      description: "Ids of documents to leave out: an id, or `#` and the beginning of its SHA-256. Their text is not stored.",
      examples: [["mail:7", "#3f2c9a81d0e4"]],
    }),
  augment: augmentOptions.optional().describe("Augmentation: variants of train documents."),
  mixture: mixtureOptions.optional().describe("Sampling weights: how often each train document is used."),
  card: cardPart.optional().describe("Data card: facts that only people know."),
});
/** One entry of `data:` in `loam.yaml`. */
export const dataPart = partShape.superRefine((part, context) => {
  const problem = sourcesProblem(part);
  if (problem) context.addIssue({ code: "custom", message: problem });
});
export type DataPart = z.output<typeof dataPart>;

export { purposePart } from "./purpose-rule.ts";
export { ownPartOnly, ownPartOptions } from "./split-by/options.ts";
