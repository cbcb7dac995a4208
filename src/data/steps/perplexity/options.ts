/** Options of the step `perplexity` in `loam.yaml`. */
import { z } from "zod";

const bits = z.number().min(0);

export const perplexityOptions = z.lazy(() =>
  z
    .strictObject({
      model: z
        .string()
        .min(1)
        .meta({
          description: "Model that scores: a version, or an n-gram model of a data set.",
          examples: ["mail-small@2", "5-gram:mail"],
        }),
      minBitsPerByte: bits.nullable().default(0).describe("Drop documents below. 0: keep all and store the scores; null: do not store."),
      maxBitsPerByte: bits.nullable().default(null).describe("Drop documents above. null: no limit."),
      buckets: z.tuple([bits, bits]).optional().describe("Upper bounds of the buckets `head` and `middle`; the rest is `tail`."),
    })
    .refine(o => o.minBitsPerByte === null || o.maxBitsPerByte === null || o.maxBitsPerByte >= o.minBitsPerByte, {
      path: ["maxBitsPerByte"],
      message: "at least minBitsPerByte",
    })
    .refine(o => o.buckets === undefined || o.buckets[0] <= o.buckets[1], { path: ["buckets"], message: "the lower bound first" }),
);
