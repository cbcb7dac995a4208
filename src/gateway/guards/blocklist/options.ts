/** What a guard with a list is told. */
import { z } from "zod";

export const blocklistOptions = {
  /** Of a request's texts, in UTF-8: more is refused. */
  maxBytes: z
    .number()
    .int()
    .min(1)
    .max(64 * 1024 * 1024)
    .default(8 * 1024 * 1024),
  /** Words and phrases; a space stands for any white space. */
  words: z.array(z.string().min(1).max(200)).max(100_000).default([]),
  /** Files with one word or phrase a line; `#` begins a comment. */
  files: z.array(z.string().min(1)).max(20).default([]),
  /** Regular expressions, matched in linear time. */
  patterns: z.array(z.string().min(1).max(1000)).max(200).default([]),
  /** Whether a word must not be a part of a longer one. */
  wholeWords: z.boolean().default(true),
  action: z.enum(["block", "mask", "flag"]).default("block"),
  mask: z
    .string()
    .max(100)
    .regex(/^[^"\\\p{Cc}]*$/u, "a text without quotes, backslashes and control characters")
    .default("[removed]"),
};
