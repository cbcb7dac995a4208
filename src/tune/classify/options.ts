/** A recipe for tuning a classifier: the `tune:` part of a model in `loam.yaml` with `task: classify`, checked and with its defaults. */
import { z } from "zod";
import { classifierPoolings } from "../../nn/index.ts";
import { precisions, scheduleKinds } from "../../train/index.ts";
import { methodOptions } from "../methods/index.ts";
import { validationOptions } from "../own-parts.ts";

const whole = z.number().int().min(0);
const share = z.number().min(0).max(1);
const name = z.string().min(1).max(1000);
/** A value of an attribute as its class is called: tables have numbers for classes, and a reader of JSON leaves true and false. */
const value = z
  .union([name, z.number(), z.boolean()], { error: "a class: a text of at most 1,000 characters, a number, true or false" })
  .transform(String);

/** What of documents is learnt, and on which of them. Baselines and evaluation are given the same. */
export const labelOptions = z.strictObject({
  /** The attribute of documents that holds their class. */
  label: name.default("label"),
  /** Classes by name, each with the values of the attribute that mean it; documents of other values are left out. All values when absent. */
  classes: z.record(name, z.union([value, z.array(value).min(1)])).optional(),
  /**
   * The part that selects, on which nothing is trained: a share of the train side's groups, or its documents of an attribute's value or values
   * (`{ split: dev }`).
   */
  validation: validationOptions.default(0.1),
  /** What the validation part is drawn from. */
  seed: z.union([z.number().int(), z.string()]).default(1),
  /** Texts that name their own class are refused, where it gives classes away; this lets them pass. */
  allowNamed: z.boolean().default(false),
  /** Near-duplicates on both sides of the split are refused; this lets them pass. */
  allowCrossing: z.boolean().default(false),
});
export type LabelOptions = z.output<typeof labelOptions>;

/** What a wrong decision about one class costs, each way; a threshold follows from it. No part of what is trained. */
export const costOptions = z
  .strictObject({
    positive: value,
    /** Another class taken for it. */
    falsePositive: z.number().min(0),
    /** It taken for another. */
    falseNegative: z.number().min(0),
  })
  .refine(c => c.falsePositive + c.falseNegative > 0, "a cost above 0, of one mistake or the other");

const fitOptions = z.strictObject({
  method: methodOptions.prefault("full"),
  /** Peak learning rate; 1e-4 when all is trained, ten times that where factors are. */
  rate: z.number().positive().max(1).optional(),
  epochs: z.number().positive().max(1000).default(3),
  /** Texts a step. */
  batch: z.number().int().min(1).max(4096).default(16),
  /** Tokens of a text that are read: its beginning. */
  length: z.number().int().min(8).default(256),
  /** How a text's states become one; the family's own way when absent. */
  pooling: z.enum(classifierPoolings).optional(),
  /** `balanced`: every class counts alike, however many texts it has (n / (classes x n of the class)). */
  weights: z.union([z.enum(["none", "balanced"]), z.record(name, z.number().positive())]).default("none"),
  schedule: z
    .strictObject({
      kind: z.enum(scheduleKinds).default("linear"),
      /** Share of the steps. */
      warmup: share.default(0.1),
      floor: share.default(0),
      decayShare: z.number().positive().max(1).default(0.5),
    })
    .prefault({}),
  clip: z.number().min(0).default(1),
  weightDecay: z.number().min(0).default(0.01),
  dropout: z.number().min(0).max(0.9).default(0),
  /** Evaluations on the validation part an epoch. */
  evaluations: z.number().int().min(1).max(100).default(2),
  /** Stop when the score has not risen for so many evaluations; 0 for never. The best values are kept either way. */
  patience: whole.default(3),
  /** What selects: macro F1, or the loss. */
  select: z.enum(["f1", "loss"]).default("f1"),
  /** Recompute activations in the backward pass: less memory, more time. */
  rematerialise: z.boolean().default(false),
  /** Mixed precision: `bf16` rounds the operands of large matrix products where the processor has 512-bit vectors. float32 when absent. */
  precision: z.enum(precisions).optional(),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().min(0).default(60),
});

export const classifyOptions = z.strictObject({ ...labelOptions.shape, ...fitOptions.shape });
export type ClassifyOptions = z.output<typeof classifyOptions>;
export type ClassifyInput = z.input<typeof classifyOptions>;

/** The part of a recipe that says what is learnt. */
export const labelsOf = (o: ClassifyOptions): LabelOptions =>
  labelOptions.parse(Object.fromEntries(Object.keys(labelOptions.shape).map(k => [k, o[k as keyof LabelOptions]])));
