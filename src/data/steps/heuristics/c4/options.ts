/** Options of the step `c4` in `loam.yaml`. */

import { z } from "zod";
import { countThreshold } from "../thresholds.ts";

export const c4Options = z.lazy(() =>
  z.strictObject({
    minSentences: countThreshold(5).describe("Minimum sentences in the remaining lines."),
    maxLoremIpsumLines: countThreshold(0).describe("Maximum remaining lines with `lorem ipsum`."),
    maxCurlyBracketLines: countThreshold(0).describe("Maximum remaining lines with a curly bracket."),
    minWordsPerLine: countThreshold(3).describe("Remove lines with fewer words."),
    maxWordLength: countThreshold(1000).describe("Remove lines with a longer word, in characters."),
    endMarks: z.boolean().default(true).describe("Remove lines without terminal punctuation."),
    javascript: z.boolean().default(true).describe("Remove lines that mention JavaScript."),
    policies: z.boolean().default(true).describe("Remove lines about cookies, terms of use and privacy policies."),
    citations: z.boolean().default(true).describe("Remove marks such as [1], [edit], [citation needed]."),
  }),
);
