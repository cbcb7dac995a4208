/** What a guard of private data is told. */
import { z } from "zod";

/** As in data's table of types, which `open` checks against; written here so that a gateway without such a guard loads nothing of it. */
const privateKinds = [
  "privateKey",
  "secret",
  "urlCredentials",
  "email",
  "iban",
  "card",
  "nationalId",
  "phone",
  "ip",
  "ipReserved",
  "name",
  "place",
] as const;

export const privateGuardOptions = () => ({
  maxBytes: z
    .number()
    .int()
    .min(1)
    .max(64 * 1024 * 1024)
    .default(8 * 1024 * 1024)
    .describe("Maximum size of the texts; larger requests are refused."),
  action: z.enum(["redact", "block", "flag"]).default("redact").describe("Action for private data in requests."),
  restore: z.boolean().default(true).describe("Restore placeholders in the response."),
  answer: z.enum(["keep", "redact", "block", "flag"]).default("keep").describe("Action for private data in responses."),
  types: z
    .array(z.enum(privateKinds))
    .min(1)
    .optional()
    .describe("Types of private data. Default: those masked by the data step `private`."),
  minScore: z.number().min(0.3).max(1).default(0.5).describe("Minimum score of a finding."),
  regions: z.array(z.string().length(2)).min(1).optional().describe("Countries whose national phone numbers are recognised."),
  names: z
    .union([
      z.literal(true),
      z.strictObject({
        model: z
          .string()
          .min(1)
          .optional()
          .describe("File of a trained model, relative to the configuration. Default: the model that ships with Loam."),
        minScore: z.number().min(0).max(1).optional().describe("Minimum score of its findings."),
      }),
    ])
    .optional()
    .describe("Recognise names and places: `true` with the model that ships with Loam, or one made by `loam data private train`."),
});
