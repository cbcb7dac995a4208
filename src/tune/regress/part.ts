/** `tune:` of a model with `task: regress`. */
import { z } from "zod";
import { crossValidationOptions } from "../cross-validation/options.ts";
import { kindPart } from "../kind/kind-part.ts";
import { dataSetName } from "../names.ts";
import { frozenRegression, regressOptions } from "./options.ts";

const regressPart = regressOptions.extend({
  task: z.literal("regress").describe("Task: text regression."),
  on: dataSetName.meta({ description: "Data set whose documents have the numbers.", examples: ["mail"] }),
  crossValidation: crossValidationOptions.optional().describe("Cross-validation of the recipe."),
  baselines: z
    .array(z.enum([frozenRegression]))
    .default([frozenRegression])
    .describe("Baselines on the same test set, besides the mean."),
});
export type RegressPart = z.output<typeof regressPart>;

export const regressRow = kindPart<RegressPart, typeof regressPart>({
  part: regressPart,
  losses: { "tune-regress": "squared error in variances" },
  reads: "data set",
  hasFolds: true,
  loopReads: ({ label }) => ({ says: "number", label }),
  trialPart: ({ crossValidation: _, ...rest }) => rest,
});
