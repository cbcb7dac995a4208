/** A recipe for instruction tuning: the `tune:` part of a model in `loam.yaml` with `task: instruct`, checked and with its defaults. */
import { z } from "zod";
import { ownPartOnly, ownPartOptions } from "../../data/part.ts";
import { memoryOption, precisionOption, rowRankOptions, scheduleKinds } from "../../train/part.ts";
import { methodOptions } from "../methods/options.ts";
import { columnOptions, formatNames } from "./format-options.ts";

const whole = z.number().int().min(0);
const share = z.number().min(0).max(1);

/** What is read and how it is laid out; `loam tune preview` takes these alone. */
export const exampleOptions = z.strictObject({
  format: z.enum(formatNames).optional().describe("Format of the records. Default: detected from the first record."),
  columns: columnOptions.optional().describe("Fields of a record. Default: the format's names."),
  bad: z.enum(["refuse", "skip"]).default("refuse").describe("Invalid records: refuse the file or skip them."),
  long: z.enum(["refuse", "skip", "cut"]).default("refuse").describe("Examples above `length`: refuse, skip or truncate."),
  answers: z.enum(["all", "last"]).default("all").describe("Assistant turns to train on: all or the last."),
  length: z.number().int().min(8).default(512).describe("Tokens per row."),
});
export type ExampleOptions = z.output<typeof exampleOptions>;

export const splitPartOptions = z.strictObject({
  validation: z
    .union([z.number().min(0).max(0.5), ownPartOptions])
    .default(0.1)
    .meta({
      description: "Validation set: a fraction (near-duplicates stay together; 0: none), or a field and its values.",
      examples: [0.1, { split: "dev" }],
    }),
  sample: z.number().int().min(1).optional().describe("Maximum examples, drawn by the seed. Default: all."),
  seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
  allowCrossing: z.boolean().default(false).describe("Accept near-duplicates across the split."),
});

export type SplitPartOptions = z.output<typeof splitPartOptions>;

/** Records of a file that neither train nor select (`{ split: test }`): what judges at the end. A data set holds out by its own split. */
export const heldOutOptions = ownPartOnly;

export const instructFitOptions = z.strictObject({
  method: methodOptions.prefault("lora").meta({ description: "Tuning method.", examples: ["lora", { lora: { rank: 16 } }] }),
  rate: z.number().positive().max(1).optional().describe("Peak learning rate. Default: 2e-5 for full tuning, 2e-4 for low-rank adapters."),
  epochs: z.number().positive().max(1000).default(3).describe("Epochs."),
  rows: z.number().int().min(1).max(4096).default(4).describe("Rows per micro-batch."),
  accumulate: z.number().int().min(1).max(4096).default(1).describe("Micro-batches per step (gradient accumulation)."),
  pack: z.boolean().default(true).describe("Pack several examples into a row."),
  schedule: z
    .strictObject({
      kind: z.enum(scheduleKinds).default("cosine").describe("Shape of the schedule."),
      warmup: share.default(0.05).describe("Fraction of the steps for warm-up."),
      floor: share.default(0).describe("Final factor of the peak rate."),
      decayShare: z.number().positive().max(1).default(0.5).describe("`wsd`: fraction of the steps for the final decay."),
    })
    .prefault({})
    .describe("Learning rate schedule."),
  clip: z.number().min(0).default(1).describe("Gradient clipping by global norm. 0: off."),
  weightDecay: z.number().min(0).default(0.01).describe("Weight decay."),
  dropout: z.number().min(0).max(0.9).default(0).describe("Dropout."),
  evaluations: z.number().int().min(1).max(100).default(2).describe("Evaluations on the validation set per epoch."),
  patience: whole.default(0).describe("Early stopping: evaluations without improvement. 0: off. The best weights are kept either way."),
  checkpoints: z.number().int().min(1).max(100).optional().describe("Epoch checkpoints kept as adapters. Default: none."),
  seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
  memory: memoryOption,
  logEvery: z.number().int().min(1).default(10).describe("Steps between log lines. Does not change results."),
  precision: precisionOption,
  checkpointSeconds: z.number().min(0).default(60).describe("Seconds between checkpoints. Does not change results."),
});
/** And on how many ranks. */
export const instructRecipe = instructFitOptions.extend(rowRankOptions);
export type InstructFitOptions = z.output<typeof instructFitOptions>;

/** What is made of it: an adapter beside the base, or a model of its own. */
export const resultKinds = ["adapter", "merged"] as const;

export const instructOptions = z.strictObject({
  ...exampleOptions.shape,
  ...splitPartOptions.shape,
  ...instructRecipe.shape,
  result: z.enum(resultKinds).optional().describe("Result: an adapter, or merged weights. Default: an adapter if the method gives one."),
});
export type InstructOptions = z.output<typeof instructOptions>;
export type InstructInput = z.input<typeof instructOptions>;
