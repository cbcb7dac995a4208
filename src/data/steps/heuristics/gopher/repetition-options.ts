/** Options of the step `gopher-repetition` in `loam.yaml`. */

import { z } from "zod";
import { countThreshold, shareThreshold } from "../thresholds.ts";

export const gopherRepetitionOptions = z.lazy(() =>
  z.strictObject({
    minCharacters: countThreshold(1).describe("Minimum characters."),
    maxRepeatedParagraphs: shareThreshold(0.3).describe("Maximum fraction of repeated paragraphs."),
    maxRepeatedParagraphCharacters: shareThreshold(0.2).describe("Maximum fraction of characters in repeated paragraphs."),
    maxRepeatedLines: shareThreshold(0.3).describe("Maximum fraction of repeated lines."),
    maxRepeatedLineCharacters: shareThreshold(0.2).describe("Maximum fraction of characters in repeated lines."),
    maxTop2Gram: shareThreshold(0.2).describe("Maximum fraction of characters in the most frequent 2-gram."),
    maxTop3Gram: shareThreshold(0.18).describe("Maximum fraction of characters in the most frequent 3-gram."),
    maxTop4Gram: shareThreshold(0.16).describe("Maximum fraction of characters in the most frequent 4-gram."),
    maxRepeated5Grams: shareThreshold(0.15).describe("Maximum fraction of characters in repeated 5-grams."),
    maxRepeated6Grams: shareThreshold(0.14).describe("Maximum fraction of characters in repeated 6-grams."),
    maxRepeated7Grams: shareThreshold(0.13).describe("Maximum fraction of characters in repeated 7-grams."),
    maxRepeated8Grams: shareThreshold(0.12).describe("Maximum fraction of characters in repeated 8-grams."),
    maxRepeated9Grams: shareThreshold(0.11).describe("Maximum fraction of characters in repeated 9-grams."),
    maxRepeated10Grams: shareThreshold(0.1).describe("Maximum fraction of characters in repeated 10-grams."),
  }),
);
