/** The `split:` part of a data set in `loam.yaml`. */

import { z } from "zod";
import { ownPartOptions, splitByOptions } from "../../split-by/options.ts";
import { largestShare, nearDuplicateOptions } from "../near-duplicates/options.ts";

export const splitOptions = z
  .strictObject({
    ...splitByOptions.shape,
    heldOut: z
      .union([z.number().min(0).max(0.9), ownPartOptions])
      .default(0.1)
      .meta({
        description: "Fraction that is held out (0: none), or your own split: an attribute and the held-out values.",
        examples: [0.1, { split: "test" }],
      }),
    by: z
      .union([
        z.enum(["near-duplicate", "document"]),
        z.strictObject({ attribute: z.string().min(1).describe("Attribute whose equal values stay together.") }),
      ])
      .default("near-duplicate")
      .describe("What stays together on one side: near-duplicates, documents, or an attribute's values."),
    share: z.enum(["documents", "bytes"]).default("documents").describe("What the fraction counts."),
    seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
    near: nearDuplicateOptions
      .pick({ words: true, threshold: true })
      .extend({
        shortWords: z
          .number()
          .int()
          .min(0)
          .max(256)
          .default(60)
          .describe("Texts of at most this many words are also compared by single words. 0: never."),
        largestGroup: z
          .number()
          .gt(0)
          .max(1)
          .default(largestShare)
          .describe("Fraction of the documents above which a chained group of near-duplicates is divided. 1: never."),
      })
      .prefault({})
      .describe("Near-duplicate detection."),
  })
  .refine(o => !(o.time && o.stratify !== undefined), { message: "either time or stratify", path: ["stratify"] })
  .refine(o => typeof o.heldOut === "number" || (!o.time && o.stratify === undefined && o.share === "documents"), {
    message: "your own split by an attribute leaves nothing to time, stratify or share",
    path: ["heldOut"],
  });
export type SplitOptions = z.output<typeof splitOptions>;
