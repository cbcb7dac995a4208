/** What `loam.yaml` may say of the augmentation method `markup`. */
import { z } from "zod";

const targets = ["html", "markdown", "text"] as const;

export const markupPart = {
  name: "markup",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z.strictObject({
      to: z
        .array(z.enum(targets))
        .min(1)
        .default([...targets])
        .describe("Formats; one is drawn per variant."),
      rate: z.number().min(0).max(1).default(0.05).describe("Fraction of words that are emphasised."),
    }),
  ),
} as const;
