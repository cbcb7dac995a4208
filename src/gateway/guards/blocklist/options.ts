/** What a guard with a list is told. */
import { z } from "zod";

export const blocklistOptions = () => ({
  maxBytes: z
    .number()
    .int()
    .min(1)
    .max(64 * 1024 * 1024)
    .default(8 * 1024 * 1024)
    .describe("Maximum size of the texts; larger requests are refused."),
  words: z.array(z.string().min(1).max(200)).max(100_000).default([]).describe("Words and phrases."),
  files: z.array(z.string().min(1)).max(20).default([]).describe("Files with one word or phrase per line; `#` starts a comment."),
  patterns: z.array(z.string().min(1).max(1000)).max(200).default([]).describe("Regular expressions, matched in linear time."),
  wholeWords: z.boolean().default(true).describe("Match whole words only."),
  action: z.enum(["block", "mask", "flag"]).default("block").describe("`block` the request, `mask` the match, or `flag` it."),
  mask: z
    .string()
    .max(100)
    .regex(/^[^"\\\p{Cc}]*$/u, "a text without quotes, backslashes and control characters")
    .default("[removed]")
    .describe("Replacement of masked text."),
});
