/** Options of the step `fineweb` in `loam.yaml`. */

import { z } from "zod";
import { countThreshold, shareThreshold, sizeThreshold } from "../thresholds.ts";

export const finewebOptions = z.lazy(() =>
  z.strictObject({
    minLines: countThreshold(1).describe("Minimum non-empty lines."),
    minLinesWithEndMark: shareThreshold(0.12).describe("Minimum fraction of lines with terminal punctuation."),
    maxShortLines: shareThreshold(0.67).describe("Maximum fraction of short lines."),
    shortLineLength: z.number().int().min(0).default(30).describe("Length of a short line, in characters."),
    maxRepeatedLineCharacters: shareThreshold(0.01).describe("Maximum fraction of characters in repeated lines."),
    maxLineFeedRatio: sizeThreshold(0.3).describe("Maximum ratio of line feeds to words."),
  }),
);
