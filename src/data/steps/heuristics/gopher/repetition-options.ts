/** Options of the step `gopher-repetition` in `loam.yaml`. */

import { z } from "zod";
import { count, share } from "../thresholds.ts";

export const gopherRepetitionOptions = z.lazy(() =>
  z.strictObject({
    minCharacters: count(1).describe("Minimum characters."),
    maxRepeatedParagraphs: share(0.3).describe("Maximum fraction of repeated paragraphs."),
    maxRepeatedParagraphCharacters: share(0.2).describe("Maximum fraction of characters in repeated paragraphs."),
    maxRepeatedLines: share(0.3).describe("Maximum fraction of repeated lines."),
    maxRepeatedLineCharacters: share(0.2).describe("Maximum fraction of characters in repeated lines."),
    maxTop2Gram: share(0.2).describe("Maximum fraction of characters in the most frequent 2-gram."),
    maxTop3Gram: share(0.18).describe("Maximum fraction of characters in the most frequent 3-gram."),
    maxTop4Gram: share(0.16).describe("Maximum fraction of characters in the most frequent 4-gram."),
    maxRepeated5Grams: share(0.15).describe("Maximum fraction of characters in repeated 5-grams."),
    maxRepeated6Grams: share(0.14).describe("Maximum fraction of characters in repeated 6-grams."),
    maxRepeated7Grams: share(0.13).describe("Maximum fraction of characters in repeated 7-grams."),
    maxRepeated8Grams: share(0.12).describe("Maximum fraction of characters in repeated 8-grams."),
    maxRepeated9Grams: share(0.11).describe("Maximum fraction of characters in repeated 9-grams."),
    maxRepeated10Grams: share(0.1).describe("Maximum fraction of characters in repeated 10-grams."),
  }),
);
