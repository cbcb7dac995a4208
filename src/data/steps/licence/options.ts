/** Options of the step `licence` in `loam.yaml`. */
import { z } from "zod";

const pattern = z.string().regex(/^[\w.+:-]+(?: WITH [\w.+-]+)?\*?$/, "an SPDX identifier, or its beginning and *");

export const licenceOptions = z.lazy(() =>
  z.strictObject({
    allow: z
      .array(pattern)
      .min(1)
      .nullable()
      .default(null)
      .meta({
        description: "Licences to keep: SPDX identifiers, `CC-BY-*`, `unknown`, `all-rights-reserved`. null: all.",
        examples: [["MIT", "CC-BY-*"]],
      }),
    deny: z.array(pattern).default([]).describe("Licences to drop."),
    attributes: z
      .array(z.string().min(1))
      .default(["license", "licence", "licenseUrl", "rights"])
      .describe("Attributes with the licence: an SPDX expression, a name, or a URL."),
  }),
);
