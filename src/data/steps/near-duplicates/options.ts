/** How alike near-duplicates are. */
import { z } from "zod";

export const nearDuplicateOptions = z.strictObject({
  words: z.number().int().min(1).max(64).default(5).describe("Words per shingle."),
  bands: z.number().int().min(1).max(512).default(14).describe("Bands of the MinHash index."),
  rows: z.number().int().min(1).max(64).default(8).describe("Rows per band."),
  threshold: z.number().gt(0).max(1).default(0.7).describe("Jaccard similarity from which two texts are near-duplicates."),
});
export type NearDuplicateOptions = z.output<typeof nearDuplicateOptions>;

/** Share of the texts from which a group is too large. */
export const largestShare = 0.01;
