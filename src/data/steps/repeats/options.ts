/** Options of the step `repeats` in `loam.yaml`. */
import { z } from "zod";

const unitOptions = z.lazy(() =>
  z.strictObject({
    minDocuments: z.number().int().min(2).default(10).describe("Minimum documents with the same text before it counts as repeated."),
    minLength: z.number().int().min(1).default(30).describe("Keep shorter lines or paragraphs, in characters."),
  }),
);

export const repeatsOptions = z.lazy(() =>
  z
    .strictObject({
      lines: unitOptions.nullable().prefault({}).describe("Repeated lines. null: leave them."),
      paragraphs: unitOptions.nullable().prefault({}).describe("Repeated paragraphs. null: leave them."),
      keep: z.enum(["first", "none"]).default("first").describe("Keep the first occurrence or none."),
      within: z
        .union([z.literal("corpus"), z.strictObject({ attribute: z.string().min(1).describe("Attribute that groups the documents.") })])
        .default("corpus")
        .describe("Count repeats in the whole corpus, or per value of an attribute."),
    })
    .refine(o => o.lines !== null || o.paragraphs !== null, { message: "lines or paragraphs" }),
);
