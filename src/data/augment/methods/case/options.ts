/** What `loam.yaml` may say of the augmentation method `case`. */
import { z } from "zod";

const modes = ["lower", "upper", "title", "shout"] as const;

export const letterCasePart = {
  name: "case",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z.strictObject({
      modes: z
        .array(z.enum(modes))
        .min(1)
        .default([...modes])
        .describe("Ways to change the case; one is drawn per variant."),
      rate: z.number().gt(0).max(1).default(0.1).describe("Fraction of words that `shout` capitalises."),
    }),
  ),
} as const;
