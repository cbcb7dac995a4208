/** Names and rules that `loam.yaml` may say of evaluation, apart from what computes them. */
import { z } from "zod";

/** Baselines of a language model. */
export const baselineNames = ["gzip", "zstd", "2-gram", "5-gram"] as const;
export type BaselineName = (typeof baselineNames)[number];

/** Baselines of a text classifier. */
export const textClassifierNames = ["majority", "tf-idf + logistic regression", "word + character n-gram SVM"] as const;
export type TextClassifierName = (typeof textClassifierNames)[number];

/**
 * What an undecided condition counts as: `point`, what the figures themselves say; `pass`, not holding (a false alarm at most one time of twenty);
 * `fail`, holding (a breach passes at most one time of twenty: a test of non-inferiority).
 */
export const undecidedRules = ["point", "pass", "fail"] as const;
export type UndecidedRule = (typeof undecidedRules)[number];

const attribute = z.string().min(1);
const groupSets = z.array(z.union([attribute, z.array(attribute).min(1)])).min(1);
/** How groups are made for fairness figures: attributes, each by itself or several together. */
export const groupRule = z.union([
  groupSets,
  z.strictObject({
    by: groupSets.describe("Attributes; a list of several forms their intersections."),
    positive: z.string().optional().describe("Class that counts as the outcome. Default: every class; the worst one decides."),
    least: z.number().int().min(1).default(30).describe("Minimum items of a group."),
    small: z
      .enum(["undefined", "leave-out"])
      .default("undefined")
      .describe("A smaller group makes every figure undefined, so a gate fails, or is left out of the figures."),
  }),
]);

/** What `groups:` says, with its defaults; each entry of `by` is a list of attributes. */
export interface FairnessGroups {
  readonly by: readonly (readonly string[])[];
  readonly positive?: string | undefined;
  readonly least: number;
  readonly small: "undefined" | "leave-out";
}

export function fairnessGroupsOf(rule: z.output<typeof groupRule>): FairnessGroups {
  const { by, ...rest } = Array.isArray(rule) ? { by: rule, least: 30, small: "undefined" as const } : rule;
  return { by: by.map(b => (typeof b === "string" ? [b] : b)), ...rest };
}
