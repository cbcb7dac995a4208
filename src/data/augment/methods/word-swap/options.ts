/** What `loam.yaml` may say of the augmentation method `word-swap`. */
import { z } from "zod";

export const wordSwapPart = {
  name: "word-swap",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z.strictObject({
      rate: z.number().gt(0).max(0.5).default(0.05).describe("Swaps per word."),
      distance: z.number().int().min(1).max(20).default(3).describe("Maximum distance of swapped words, in words."),
    }),
  ),
} as const;
