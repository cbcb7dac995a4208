/** What a paraphrase must keep to. */
import { z } from "zod";

export const paraphraseLimits = z.strictObject({
  similarity: z
    .strictObject({
      words: z.number().int().min(1).max(8).default(1).describe("Words per n-gram."),
      min: z.number().min(0).max(1).default(0.2).describe("Minimum similarity."),
      max: z.number().min(0).max(1).default(0.9).describe("Maximum similarity."),
    })
    .prefault({})
    .describe("Jaccard similarity of word n-grams with the document: below `min` it is unrelated, above `max` a copy."),
  length: z
    .strictObject({
      min: z.number().nonnegative().default(0.5).describe("Minimum ratio."),
      max: z.number().positive().default(2).describe("Maximum ratio."),
    })
    .prefault({})
    .describe("Length relative to the document."),
  maxRepetition: z.number().min(0).max(1).default(0.2).describe("Maximum fraction of repeated word trigrams, beyond the document's."),
  keepFacts: z.boolean().default(true).describe("Refuse a paraphrase that loses or invents a number or address."),
});
export type ParaphraseLimits = z.output<typeof paraphraseLimits>;

export const paraphraseInstruction =
  "Rewrite the text below in other words. Keep its language, its meaning, and every name, number and address. Answer with the rewritten text only.";
