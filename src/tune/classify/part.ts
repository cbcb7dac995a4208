/** `tune:` of a model with `task: classify`. */
import { z } from "zod";
import { groupRule, textClassifierNames } from "../../evaluate/part.ts";
import { crossValidationOptions } from "../cross-validation/options.ts";
import { kindPart } from "../kind/kind-part.ts";
import { dataSetName } from "../names.ts";
import { classifyOptions, costOptions, frozenBaseline, thresholdOptions } from "./options.ts";

const classifyPart = classifyOptions.extend({
  task: z.literal("classify").describe("Task: text classification."),
  on: dataSetName.meta({ description: "Data set whose documents have the classes.", examples: ["mail"] }),
  baselines: z
    .array(z.enum([...textClassifierNames, frozenBaseline]))
    .default([...textClassifierNames, frozenBaseline])
    .describe("Baselines on the same test set."),
  costs: costOptions.optional().describe("Costs of errors; the report gives the cheapest threshold."),
  groups: groupRule.optional().meta({
    description: "Attributes whose groups the evaluation compares (fairness figures), each by itself or several together.",
    examples: [["sex", ["sex", "race"]]],
  }),
  thresholds: thresholdOptions
    .optional()
    .describe("Decision thresholds by group, chosen on the validation set; requests then name their group. Default: off."),
  membership: z
    .strictObject({
      texts: z.number().int().min(20).max(100_000).default(1000).describe("Most texts of each side that are read."),
    })
    .optional()
    .describe("Membership inference against the tuned model: training texts beside held-out ones. Default: off."),
  crossValidation: crossValidationOptions.optional().describe("Cross-validation of the recipe."),
});
export type ClassifyPart = z.output<typeof classifyPart>;

/** The class that `groups:` counts as the outcome. */
const outcomeOf = (groups: ClassifyPart["groups"]): string | undefined => (groups && !Array.isArray(groups) ? groups.positive : undefined);

/** `thresholds:` with the class that it is about, which the check of the part has found. */
export const thresholdRuleOf = ({ thresholds, costs, groups }: Pick<ClassifyPart, "thresholds" | "costs" | "groups">) =>
  thresholds && { ...thresholds, positive: (thresholds.positive ?? costs?.positive ?? outcomeOf(groups))! };

export const classifyRow = kindPart<ClassifyPart, typeof classifyPart>({
  part: classifyPart,
  losses: { "tune-classify": "nats per text" },
  loopReads: () => ({ says: "class" }),
  reads: "data set",
  hasFolds: true,
  tellsWrong: true,
  check({ costs, classes, groups, thresholds }, refuse) {
    const positive = outcomeOf(groups);
    const rule = thresholdRuleOf({ thresholds, costs, groups });
    if (rule && rule.positive === undefined) refuse(["thresholds", "positive"], "the class that counts as the outcome", undefined);
    else if (rule && classes && !Object.hasOwn(classes, rule.positive))
      refuse(["thresholds", "positive"], `one of the classes ${Object.keys(classes).join(", ")}`, rule.positive);
    if (rule && costs && rule.positive !== costs.positive)
      refuse(["thresholds", "positive"], `the positive class of costs, ${JSON.stringify(costs.positive)}`, rule.positive);
    if (positive !== undefined && classes && !Object.hasOwn(classes, positive))
      refuse(["groups", "positive"], `one of the classes ${Object.keys(classes).join(", ")}`, positive);
    if (costs && classes && !Object.hasOwn(classes, costs.positive))
      refuse(["costs", "positive"], `one of the classes ${Object.keys(classes).join(", ")}`, costs.positive);
  },
  // judged by probabilities alone, where no costs choose a threshold, and not cross-validated by itself
  trialPart: ({ costs: _, crossValidation: __, groups: ___, thresholds: ____, membership: _____, ...rest }) => rest,
});
