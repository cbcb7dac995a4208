/** What `loam.yaml` may say of the augmentation method `units`. */
import { z } from "zod";

export const unitVariationPart = {
  name: "units",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z.strictObject({
      rate: z.number().gt(0).max(1).default(1).describe("Fraction of the quantities that are converted."),
      decimal: z.enum([".", ","]).default(".").describe("Decimal mark of the texts."),
    }),
  ),
} as const;
