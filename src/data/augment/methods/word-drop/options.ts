/** What `loam.yaml` may say of the augmentation method `word-drop`. */
import { z } from "zod";

export const wordDropPart = {
  name: "word-drop",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z.strictObject({
      rate: z.number().gt(0).max(0.9).default(0.1).describe("Fraction of words that are dropped."),
    }),
  ),
} as const;
