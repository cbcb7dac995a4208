/** Options of the step `fineweb` in `loam.yaml`. */

import { z } from "zod";
import { count, share, size } from "../thresholds.ts";

export const finewebOptions = z.lazy(() =>
  z.strictObject({
    minLines: count(1).describe("Minimum non-empty lines."),
    minLinesWithEndMark: share(0.12).describe("Minimum fraction of lines with terminal punctuation."),
    maxShortLines: share(0.67).describe("Maximum fraction of short lines."),
    shortLineLength: z.number().int().min(0).default(30).describe("Length of a short line, in characters."),
    maxRepeatedLineCharacters: share(0.01).describe("Maximum fraction of characters in repeated lines."),
    maxLineFeedRatio: size(0.3).describe("Maximum ratio of line feeds to words."),
  }),
);
