/** A recipe for tuning a multi-label classifier: the `tune:` part of a model in `loam.yaml` with `task: multilabel`. */
import { z } from "zod";
import { classifyOptions } from "../classify/options.ts";

const {
  classes: _,
  allowNamed: __,
  weights: ___,
  select: ____,
  label: _____,
  privacy: ______,
  debias: _______,
  checkpoints: ________,
  ...shared
} = classifyOptions.shape;

const labelName = z.string().min(1).max(1000);
const share = z.number().min(0).max(1);
const cost = z.number().min(0);

/** How the probability at which a label holds is chosen. */
const thresholdRule = z
  .union(
    [
      z.literal("f1"),
      share,
      z.strictObject({ falseAlarms: share.describe("Greatest share of the validation texts without the label for which it holds.") }),
      z
        .strictObject({
          falsePositive: cost.describe("Cost of a false positive."),
          falseNegative: cost.describe("Cost of a false negative."),
        })
        .refine(c => c.falsePositive + c.falseNegative > 0, "a cost above 0, of one error or the other"),
    ],
    { error: "`f1`, a probability, { falseAlarms: SHARE } or { falsePositive: COST, falseNegative: COST }" },
  )
  .meta({ examples: ["f1", 0.5, { falseAlarms: 0.01 }, { falsePositive: 1, falseNegative: 5 }] });
export type ThresholdRule = z.output<typeof thresholdRule>;

/** What of documents is learnt, and on which of them. Evaluation is given the same. */
const targetShape = {
  labels: z
    .array(labelName)
    .min(1)
    .max(1000)
    .refine(all => new Set(all).size === all.length, "labels that differ")
    .meta({ description: "Labels. Each holds or not, by itself.", examples: [["toxicity", "threat"]] }),
  attribute: labelName.optional().describe("Attribute with the list of a document's labels. Default: one attribute for each label."),
  soft: z
    .boolean()
    .default(false)
    .describe(
      "Train on numeric attributes from 0 to 1 as probabilities (scores of annotators or of another model) in place of yes and no.",
    ),
  from: z.number().default(0.5).describe("Least value of a numeric attribute at which its label holds."),
  validation: shared.validation,
  seed: shared.seed,
  allowCrossing: shared.allowCrossing,
};
export const multiLabelTargets = z.strictObject(targetShape);
export type MultiLabelTargets = z.output<typeof multiLabelTargets>;

export const multiLabelOptions = z.strictObject({
  ...shared,
  ...targetShape,
  weights: z
    .enum(["none", "balanced"])
    .default("none")
    .describe("Weights of positive texts: `none`, or `balanced` (negative / positive texts of the label, at most 20)."),
  select: z
    .enum(["averagePrecision", "loss"])
    .default("averagePrecision")
    .describe("Selection metric: mean average precision or the loss."),
  calibration: z
    .enum(["platt", "temperature", "none"])
    .default("platt")
    .describe("Calibration of each label's probability on the validation set: Platt scaling, a temperature, or none."),
  threshold: thresholdRule
    .default("f1")
    .describe("Threshold of each label, chosen on the validation set: greatest F1, a probability, a false alarm rate, or costs."),
  thresholds: z.record(labelName, thresholdRule).default({}).describe("Thresholds of single labels."),
});
export type MultiLabelOptions = z.output<typeof multiLabelOptions>;

/** The part of a recipe that says what is learnt. */
export const multiLabelTargetsOf = (o: MultiLabelTargets): MultiLabelTargets =>
  multiLabelTargets.parse(Object.fromEntries(Object.keys(targetShape).map(k => [k, o[k as keyof MultiLabelTargets]])));
