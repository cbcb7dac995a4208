/** A recipe for instruction tuning: the `tune:` part of a model in `loam.yaml` with `task: instruct`, checked and with its defaults. */
import { z } from "zod";
import { ownPartOnly, ownPartOptions } from "../../data/index.ts";
import { precisions, scheduleKinds } from "../../train/index.ts";
import { methodOptions } from "../methods/index.ts";
import { columnOptions, formatNames } from "./formats.ts";

const whole = z.number().int().min(0);
const share = z.number().min(0).max(1);

/** What is read and how it is laid out; `loam tune preview` takes these alone. */
export const exampleOptions = z.strictObject({
  /** Shape of the records; told by the first one when absent. */
  format: z.enum(formatNames).optional(),
  columns: columnOptions.optional(),
  /** Records that cannot be trained on. */
  bad: z.enum(["refuse", "skip"]).default("refuse"),
  /** Examples of more tokens than `length`. */
  long: z.enum(["refuse", "skip", "cut"]).default("refuse"),
  /** Which answers of a conversation are trained. */
  answers: z.enum(["all", "last"]).default("all"),
  /** Tokens a row. */
  length: z.number().int().min(8).default(512),
});
export type ExampleOptions = z.output<typeof exampleOptions>;

export const splitPartOptions = z.strictObject({
  /**
   * The part that selects, on which nothing is trained: a share of the examples (near-duplicates stay together, 0 for none), or your own: the records of a
   * field's value or values (`{ split: dev }`).
   */
  validation: z.union([z.number().min(0).max(0.5), ownPartOptions]).default(0.1),
  /** At most so many examples, drawn by what they say (documents: by their ids) and the seed; all when absent. */
  sample: z.number().int().min(1).optional(),
  /** What both are drawn from. */
  seed: z.union([z.number().int(), z.string()]).default(1),
  /** Near-duplicates of a validation file, or of parts of your own, among what is trained are refused; this lets them pass. */
  allowCrossing: z.boolean().default(false),
});

export type SplitPartOptions = z.output<typeof splitPartOptions>;

/** Records of a file that neither train nor select (`{ split: test }`): what judges at the end. A data set holds out by its own split. */
export const heldOutOptions = ownPartOnly;

export const instructFitOptions = z.strictObject({
  method: methodOptions.prefault("lora"),
  /** Peak learning rate; 2e-5 when all is trained, ten times that where factors are. */
  rate: z.number().positive().max(1).optional(),
  epochs: z.number().positive().max(1000).default(3),
  /** Rows of a micro-batch. */
  rows: z.number().int().min(1).max(4096).default(4),
  /** Micro-batches a step. */
  accumulate: z.number().int().min(1).max(4096).default(1),
  /** Several examples a row. */
  pack: z.boolean().default(true),
  schedule: z
    .strictObject({
      kind: z.enum(scheduleKinds).default("cosine"),
      /** Share of the steps. */
      warmup: share.default(0.05),
      floor: share.default(0),
      decayShare: z.number().positive().max(1).default(0.5),
    })
    .prefault({}),
  clip: z.number().min(0).default(1),
  weightDecay: z.number().min(0).default(0.01),
  dropout: z.number().min(0).max(0.9).default(0),
  /** Evaluations on the validation part an epoch. */
  evaluations: z.number().int().min(1).max(100).default(2),
  /** Stop when the loss has not fallen for so many evaluations; 0 for never. The best values are kept either way. */
  patience: whole.default(0),
  /** The newest ends of epochs that are kept as adapters beside the result, in its `checkpoints/STEP`; none when absent. */
  checkpoints: z.number().int().min(1).max(100).optional(),
  seed: z.union([z.number().int(), z.string()]).default(1),
  rematerialise: z.boolean().default(false),
  logEvery: z.number().int().min(1).default(10),
  /** Mixed precision: `bf16` rounds the operands of large matrix products where the processor has 512-bit vectors. float32 when absent. */
  precision: z.enum(precisions).optional(),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().min(0).default(60),
});
export type InstructFitOptions = z.output<typeof instructFitOptions>;

/** What is made of it: an adapter beside the base, or a model of its own. */
export const resultKinds = ["adapter", "merged"] as const;

export const instructOptions = z.strictObject({
  ...exampleOptions.shape,
  ...splitPartOptions.shape,
  ...instructFitOptions.shape,
  /** `adapter` where the method gives one (lora, rslora, qlora), else `merged`. */
  result: z.enum(resultKinds).optional(),
});
export type InstructOptions = z.output<typeof instructOptions>;
export type InstructInput = z.input<typeof instructOptions>;
