/** Options of the step `language` in `loam.yaml`. */

import { z } from "zod";
import { languageCodes, tableSizes, undetermined } from "./names.ts";

export const languageOptions = z.lazy(() =>
  z.strictObject({
    allow: z
      .array(z.enum([undetermined, ...languageCodes]))
      .min(1)
      .nullable()
      .default(null)
      .meta({ description: "Languages to keep, ISO 639-1; `und`: undetermined. null: all.", examples: [["en", "de"]] }),
    minScore: z.number().min(0).max(1).nullable().default(null).describe("Minimum language score, 0 to 1. null: no limit."),
    paragraphs: z
      .enum(["ignore", "keep", "drop-foreign"])
      .default("keep")
      .describe("Look at documents only (`ignore`), also label paragraphs (`keep`), or remove paragraphs in other languages."),
    minParagraphScore: z.number().min(0).max(1).default(0.9).describe("Minimum score for removing a paragraph."),
    minLength: z.number().int().min(1).default(20).describe("Texts with fewer letters are undetermined."),
    tables: z
      .enum(tableSizes)
      .default("medium")
      .describe("Size of eld's tables: larger ones are better at short texts and use more memory per worker."),
  }),
);
