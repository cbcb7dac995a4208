/** `purpose` of a model in `loam.yaml`: a schema alone. */
import { z } from "zod";

export const purposeRule = z.strictObject({
  for: z
    .string()
    .min(1)
    .describe("Purpose that every document must state in its attribute `purpose` (one, a list, or separated by commas)."),
  consent: z.boolean().default(false).describe("Every document must also have an attribute `consent` that is not a refusal."),
  lacking: z
    .enum(["refuse", "drop"])
    .default("refuse")
    .describe("Documents that lack the purpose or the consent: an error (`refuse`), or left out and counted (`drop`)."),
});
export type PurposeRule = z.output<typeof purposeRule>;

/** The rule, or its purpose alone. */
export const purposePart = z
  .union([
    z
      .string()
      .min(1)
      .transform((purpose): PurposeRule => ({ for: purpose, consent: false, lacking: "refuse" })),
    purposeRule,
  ])
  .optional()
  .meta({ description: "Purpose that the documents must be held for. Default: not checked.", examples: ["support"] });
