/** Options of the step `gopher-quality` in `loam.yaml`. */

import { z } from "zod";
import { countThreshold, shareThreshold, sizeThreshold } from "../thresholds.ts";

export const gopherQualityOptions = z.lazy(() =>
  z
    .strictObject({
      minWords: countThreshold(50).describe("Minimum words."),
      maxWords: countThreshold(100_000).describe("Maximum words."),
      minMeanWordLength: sizeThreshold(3).describe("Minimum mean word length, in characters."),
      maxMeanWordLength: sizeThreshold(10).describe("Maximum mean word length, in characters."),
      maxSymbolRatio: sizeThreshold(0.1).describe("Maximum ratio of # or ellipses to words."),
      maxBulletLines: shareThreshold(0.9).describe("Maximum fraction of lines that start with a bullet."),
      maxEllipsisLines: shareThreshold(0.3).describe("Maximum fraction of lines that end with an ellipsis."),
      minAlphabeticWords: shareThreshold(0.8).describe("Minimum fraction of words with a letter."),
      minStopWords: countThreshold(2).describe("Minimum number of different stop words."),
      stopWords: z.array(z.string().min(1)).default(["the", "be", "to", "of", "and", "that", "have", "with"]).describe("Stop words."),
    })
    .refine(o => o.maxWords === null || o.minWords === null || o.maxWords >= o.minWords, {
      path: ["maxWords"],
      message: "at least minWords",
    })
    .refine(o => o.maxMeanWordLength === null || o.minMeanWordLength === null || o.maxMeanWordLength >= o.minMeanWordLength, {
      path: ["maxMeanWordLength"],
      message: "at least minMeanWordLength",
    })
    .refine(o => o.minStopWords === null || o.minStopWords <= new Set(o.stopWords).size, {
      path: ["minStopWords"],
      message: "at most the number of stopWords",
    }),
);
