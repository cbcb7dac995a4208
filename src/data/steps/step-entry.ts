/** How `loam.yaml` writes a step: `clean`, or `{ length: { minWords: 3 } }`. What runs it is a row of `steps.ts`; a new step is a row in both. */

import { z } from "zod";
import { cleanOptions } from "./clean/options.ts";
import { decontaminateOptions } from "./decontaminate/options.ts";
import { deduplicateOptions } from "./deduplicate/options.ts";
import { c4Options } from "./heuristics/c4/options.ts";
import { finewebOptions } from "./heuristics/fineweb/options.ts";
import { gopherQualityOptions } from "./heuristics/gopher/quality-options.ts";
import { gopherRepetitionOptions } from "./heuristics/gopher/repetition-options.ts";
import { languageOptions } from "./language/options.ts";
import { lengthOptions } from "./length/options.ts";
import { licenceOptions } from "./licence/options.ts";
import { patternsOptions } from "./patterns/options.ts";
import { perplexityOptions } from "./perplexity/options.ts";
import { plainOptions } from "./plain/options.ts";
import { privateOptions } from "./private/options.ts";
import { qualityOptions } from "./quality/options.ts";
import { repeatsOptions } from "./repeats/options.ts";
import { semanticOptions } from "./semantic/options.ts";
import { substringsOptions } from "./substrings/options.ts";
import { toxicityOptions } from "./toxicity/options.ts";
import { urlsOptions } from "./urls/options.ts";

const stepOptions = {
  clean: cleanOptions.describe("Clean mail and web text: quotes, signatures, footers, blobs."),
  length: lengthOptions.describe("Drop documents by length."),
  deduplicate: deduplicateOptions.describe("Drop duplicates, exact or near."),
  repeats: repeatsOptions.describe("Remove lines and paragraphs that repeat across documents."),
  substrings: substringsOptions.describe("Remove repeated passages (suffix array)."),
  "semantic-duplicates": semanticOptions.describe("Drop documents with nearly the same embedding."),
  private: privateOptions.describe("Find and mask private data."),
  decontaminate: decontaminateOptions.describe("Drop documents that contain evaluation items."),
  "gopher-quality": gopherQualityOptions.describe("Gopher quality filter."),
  "gopher-repetition": gopherRepetitionOptions.describe("Gopher repetition filter."),
  c4: c4Options.describe("C4 filter."),
  fineweb: finewebOptions.describe("FineWeb filter."),
  language: languageOptions.describe("Detect languages and keep some."),
  patterns: patternsOptions.describe("Drop, cut or mask by regular expressions (RE2)."),
  urls: urlsOptions.describe("Filter by URL lists."),
  licence: licenceOptions.describe("Filter by licence."),
  toxicity: toxicityOptions.describe("Filter by a toxicity word list."),
  perplexity: perplexityOptions.describe("Filter by a model's bits per byte."),
  plain: plainOptions.describe("Add an attribute with the normalised text."),
  quality: qualityOptions.describe("Filter by a trained quality classifier."),
} as const;
export type StepName = keyof typeof stepOptions;

/** One entry of `steps:`. */
export const stepEntry = z.union([
  z.enum(Object.keys(stepOptions) as [StepName, ...StepName[]]).refine(name => stepOptions[name].safeParse({}).success, {
    error: ({ input }) => `${input} cannot do without options: { ${input}: { ... } }`,
  }),
  z
    .strictObject(
      Object.fromEntries(Object.entries(stepOptions).map(([name, options]) => [name, options.optional()])) as {
        readonly [N in StepName]: z.ZodOptional<(typeof stepOptions)[N]>;
      },
    )
    .refine(o => Object.keys(o).length === 1, { message: "one step by its name" }),
]);
