/** The `privacy:` part of a recipe: differentially private training. */
import { z } from "zod";

const accountants = ["pld", "rdp"] as const;

export const privacyOptions = z
  .strictObject({
    epsilon: z
      .number()
      .positive()
      .optional()
      .meta({
        description: "Privacy budget. The noise follows from it; with `noise` too, training ends before a step that would exceed it.",
        examples: [8],
      }),
    noise: z.number().positive().optional().describe("Noise multiplier: deviation of the noise divided by `clip`."),
    delta: z
      .number()
      .min(1e-12)
      .lt(1)
      .meta({ description: "Probability that epsilon does not hold; below 1 / (number of people).", examples: [1e-5] }),
    clip: z.number().positive().default(1).describe("Largest norm of a person's gradient."),
    person: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: "Attribute with the person that a document is of. Default: each document is one person.",
        examples: ["sender"],
      }),
    textsPerPerson: z.number().int().min(1).max(64).default(4).describe("Most texts of a person; others are left out."),
    accountant: z.enum(accountants).default("pld").describe("Accountant: `pld` (privacy loss distribution, tight) or `rdp` (Rényi)."),
  })
  .refine(o => o.epsilon !== undefined || o.noise !== undefined, "epsilon, noise, or both");
export type PrivacyOptions = z.output<typeof privacyOptions>;
