/** What `loam.yaml` may say of the augmentation method `numbers`. */
import { z } from "zod";

export const numberFormatPart = {
  name: "numbers",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z.strictObject({
      rate: z.number().gt(0).max(1).default(1).describe("Fraction of the numbers that are rewritten."),
      decimal: z.enum([".", ","]).default(".").describe("Decimal mark of the texts."),
      percent: z.string().min(1).default("percent").describe("Word for percent in the language of the texts."),
    }),
  ),
} as const;
