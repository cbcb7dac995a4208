/** A recipe for tuning a classifier: the `tune:` part of a model in `loam.yaml` with `task: classify`, checked and with its defaults. */

import { z } from "zod";
import { classifierPoolings } from "../../nn/part.ts";
import { memoryOption, precisionOption, rowRankOptions, scheduleKinds } from "../../train/part.ts";
import { methodOptions } from "../methods/options.ts";
import { privacyOptions } from "../privacy/options.ts";
import { validationOptions } from "../validation-options.ts";
import { debiasOptions } from "./debias-options.ts";

const whole = z.number().int().min(0);
const share = z.number().min(0).max(1);
const name = z.string().min(1).max(1000);
/** A value of an attribute as its class is called: tables have numbers for classes, and a reader of JSON leaves true and false. */
const value = z
  .union([name, z.number(), z.boolean()], { error: "a class: a text of at most 1,000 characters, a number, true or false" })
  .transform(String);

/** What of documents is learnt, and on which of them. Baselines and evaluation are given the same. */
export const labelOptions = z.strictObject({
  label: name.default("label").describe("Attribute with the class."),
  classes: z
    .record(name, z.union([value, z.array(value).min(1)]))
    .optional()
    .meta({
      description: "Classes by name, each with the attribute's values. Other documents are left out. Default: all values.",
      examples: [{ spam: ["spam", "junk"], ham: "ham" }],
    }),
  validation: validationOptions.default(0.1).meta({
    description: "Validation set: a fraction of the train side, or an attribute and its values.",
    examples: [0.1, { split: "dev" }],
  }),
  seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
  allowNamed: z.boolean().default(false).describe("Accept texts that contain their class name."),
  allowCrossing: z.boolean().default(false).describe("Accept near-duplicates across the split."),
});
export type LabelOptions = z.output<typeof labelOptions>;

/** What a wrong decision about one class costs, each way; a threshold follows from it. No part of what is trained. */
export const costOptions = z
  .strictObject({
    positive: value.describe("Positive class."),
    falsePositive: z.number().min(0).describe("Cost of a false positive."),
    falseNegative: z.number().min(0).describe("Cost of a false negative."),
  })
  .refine(c => c.falsePositive + c.falseNegative > 0, "a cost above 0, of one mistake or the other");

/** Thresholds of one class by the group of a text; no part of what is trained. */
export const thresholdOptions = z.strictObject({
  group: name.meta({ description: "Attribute of the documents with the group.", examples: ["sex"] }),
  goal: z
    .enum(["equalisedOdds", "equalOpportunity", "demographicParity"])
    .default("equalisedOdds")
    .describe("Gap between the groups that the thresholds bound."),
  bound: share.default(0.02).describe("Largest gap on the validation set; the least gap is taken where none is within it."),
  positive: value.optional().describe("Class that counts as the outcome. Default: that of `costs` or `groups`."),
  least: z.number().int().min(2).default(30).describe("Minimum validation texts of each group."),
});
export type ThresholdOptions = z.output<typeof thresholdOptions>;

const fitOptions = z.strictObject({
  method: methodOptions.prefault("full").meta({ description: "Tuning method.", examples: ["lora", { lora: { rank: 16 } }] }),
  rate: z.number().positive().max(1).optional().describe("Peak learning rate. Default: 1e-4 for full tuning, 1e-3 for low-rank adapters."),
  epochs: z.number().positive().max(1000).default(3).describe("Epochs."),
  batch: z.number().int().min(1).max(4096).default(16).describe("Texts per step."),
  length: z.number().int().min(8).default(256).describe("Maximum tokens per text; longer texts are truncated."),
  pooling: z.enum(classifierPoolings).optional().describe("Pooling of the token states. Default: the family's."),
  weights: z
    .union([
      z.enum(["none", "balanced"]),
      z.strictObject({ reweigh: z.array(name).min(1).describe("Attributes that the class is made independent of.") }),
      z.record(name, z.number().positive()),
    ])
    .default("none")
    .meta({
      description:
        "Weights of texts: `none`, `balanced` (inverse class frequency), `{ reweigh: [attributes] }` (reweighing: class independent of the groups), or by class.",
      examples: ["balanced", { reweigh: ["sex"] }, { spam: 2 }],
    }),
  schedule: z
    .strictObject({
      kind: z.enum(scheduleKinds).default("linear").describe("Shape of the schedule."),
      warmup: share.default(0.1).describe("Fraction of the steps for warm-up."),
      floor: share.default(0).describe("Final factor of the peak rate."),
      decayShare: z.number().positive().max(1).default(0.5).describe("`wsd`: fraction of the steps for the final decay."),
    })
    .prefault({})
    .describe("Learning rate schedule."),
  clip: z.number().min(0).default(1).describe("Gradient clipping by global norm. 0: off."),
  weightDecay: z.number().min(0).default(0.01).describe("Weight decay."),
  dropout: z.number().min(0).max(0.9).default(0).describe("Dropout."),
  evaluations: z.number().int().min(1).max(100).default(2).describe("Evaluations on the validation set per epoch."),
  patience: whole.default(3).describe("Early stopping: evaluations without improvement. 0: off. The best weights are kept either way."),
  select: z.enum(["f1", "loss"]).default("f1").describe("Selection metric: macro F1 or the loss."),
  memory: memoryOption,
  precision: precisionOption,
  privacy: privacyOptions.optional().describe("Differentially private training (DP-SGD). Default: off."),
  debias: debiasOptions
    .optional()
    .describe("Adversarial debiasing; the last weights are kept, without `select` and `patience`. Default: off."),
  checkpoints: z
    .number()
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe("Epoch checkpoints kept as whole models, for `loam explain --influence`. Default: none."),
  checkpointSeconds: z.number().min(0).default(60).describe("Seconds between checkpoints. Does not change results."),
});

export const classifyOptions = z.strictObject({ ...labelOptions.shape, ...fitOptions.shape, ...rowRankOptions });
export type ClassifyOptions = z.output<typeof classifyOptions>;
export type ClassifyInput = z.input<typeof classifyOptions>;

/** The part of a recipe that says what is learnt. */
export const labelsOf = (o: ClassifyOptions): LabelOptions =>
  labelOptions.parse(Object.fromEntries(Object.keys(labelOptions.shape).map(k => [k, o[k as keyof LabelOptions]])));

/** The name of logistic regression on the states of the base that is tuned, frozen (`src/tune/frozen`). */
export const frozenBaseline = "frozen base + logistic regression";
