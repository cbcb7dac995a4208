/** Options of the step `private` in `loam.yaml`. */

import { z } from "zod";
import { defaultRegions } from "./regions.ts";
import { kebab, type PrivateType, policies, privateTypeNames, privateTypes, type RedactionPolicy } from "./types.ts";

const policySchema = z.lazy(() =>
  z.strictObject(
    Object.fromEntries(
      privateTypeNames.map(type => [
        type,
        z
          .enum(policies)
          .default(privateTypes[type])
          .describe(`Action for ${kebab(type)}.`),
      ]),
    ) as Record<PrivateType, z.ZodDefault<z.ZodEnum<{ [P in RedactionPolicy]: P }>>>,
  ),
);

export const privateOptions = z.lazy(() =>
  z
    .strictObject({
      policy: policySchema.prefault({}).describe("Action by type of private data."),
      seed: z.string().min(8).optional().describe("Key for surrogates, at least 8 characters. Stored in the recipe."),
      minScore: z.number().min(0.3).max(1).default(0.5).describe("Minimum score of a finding, 0 to 1."),
      regions: z
        .array(z.enum(defaultRegions))
        .default([...defaultRegions])
        .describe("ISO 3166 codes of countries whose national phone numbers are recognised."),
      exampleDomains: z.boolean().optional().describe("Also treat addresses at example domains as private."),
      names: z
        .union([
          z.literal(true),
          z.strictObject({
            model: z
              .string()
              .min(1)
              .optional()
              .describe("File of a trained model, relative to the project. Default: the model that ships with Loam."),
            minScore: z.number().min(0).max(1).optional().describe("Minimum score of its findings."),
          }),
        ])
        .nullish()
        .describe("Recognise names and places: `true` with the model that ships with Loam."),
      maxFound: z.number().int().min(0).optional().describe("Drop documents with more findings. Default: none is dropped."),
    })
    .refine(o => o.seed !== undefined || !Object.values(o.policy).includes("surrogate"), {
      path: ["seed"],
      message: "a seed of at least 8 characters, for surrogates",
    })
    .refine(o => !(o.exampleDomains && o.policy.email === "surrogate"), {
      path: ["exampleDomains"],
      message: "not with surrogates of e-mail addresses, which stand at example.org",
    }),
);
