/** `releases:` of `loam.yaml`: what a release asks for, by alias. */

import { z } from "zod";
import { undecidedRules } from "../evaluate/part.ts";

const short = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "a short name of letters, digits, dots, dashes and underscores");

const approval = z.strictObject({
  role: short.describe("Role of the approvers."),
  count: z.number().int().min(1).max(100).default(1).describe("Number of different approvers."),
  keys: z
    .record(z.string().min(1), z.string().min(1))
    .refine(keys => Object.keys(keys).length > 0, "keys by name, at least one")
    .optional()
    .meta({ description: "Public key files by owner. An approval must be signed with one of them.", examples: [{ ann: "ann.key.pub" }] }),
  unsigned: z.boolean().default(false).describe("Accept unsigned approvals."),
  people: z.array(z.string().min(1)).min(1).optional().describe("Names that may approve without a signature. Default: anyone."),
});

export const releaseRules = z.strictObject({
  requires: z
    .array(z.string().min(1))
    .default([])
    .meta({ description: "Conditions that must hold.", examples: [["f1 >= current.f1 - 0.01", "sizeMB <= 500"]] }),
  undecided: z
    .enum(undecidedRules)
    .default("point")
    .describe("Result of a condition whose confidence interval spans the threshold: by the point estimate, pass or fail."),
  approvals: z.array(approval).default([]).describe("Required approvals."),
  from: short.optional().meta({ description: "Alias that the version must have already.", examples: ["staging"] }),
  signedBy: z.array(z.string().min(1)).default([]).describe("Public key files; the version must be signed with one of them."),
  owner: z
    .enum(["required"])
    .optional()
    .describe("required: `governance.owners` must name an accountable owner of the model (model/NAME) or of the alias (alias/NAME)."),
  models: z.array(z.string().min(1)).min(1).optional().describe("Models the rules apply to. Default: all."),
});
export type ReleaseRules = z.output<typeof releaseRules>;

/** As the record keeps them: with the models and aliases that have an owner, where one is required. The log names no owner, which may be a person. */
export const recordedRules = releaseRules.extend({ owned: z.array(z.string()).optional() });
export type RecordedRules = z.output<typeof recordedRules>;

const alias = short.refine(a => a !== "latest" && !/^\d+$/.test(a), "an alias: not latest, and no number");
/** `releases:` of the project file, by alias. */
export const releasesPart = z.record(alias, releaseRules.prefault({}));
