/** A recipe for tuning an encoder's vectors: the `tune:` part of a model in `loam.yaml` with `task: embed`, checked and with its defaults. */
import { z } from "zod";
import { ownPartOnly } from "../../data/index.ts";
import { classifyOptions } from "../classify/options.ts";
import { validationOptions } from "../own-parts.ts";

const { method, epochs, batch, length, schedule, clip, weightDecay, dropout, evaluations, patience, checkpointSeconds, rate } =
  classifyOptions.shape;

export const embedColumns = z.strictObject({
  anchor: z.string().min(1).optional(),
  positive: z.string().min(1).optional(),
  negative: z.string().min(1).optional(),
});
export type EmbedColumns = z.output<typeof embedColumns>;

export const embedOptions = z.strictObject({
  /** Which fields hold what; `anchor` (or `query`), `positive` and `negative` when absent. */
  columns: embedColumns.optional(),
  method,
  /** Peak learning rate; 2e-5 when all is trained, ten times that where factors are. */
  rate,
  epochs: epochs.removeDefault().default(1),
  /** Anchors a step; every other one's texts are what each has to be told from, so more of them teach more. */
  batch: batch.removeDefault().default(32),
  length,
  /** Similarities are divided by it: sentence-transformers' `scale` of 20 is .05. */
  temperature: z.number().min(0.001).max(10).default(0.05),
  /**
   * The part that selects, on which nothing is trained: a share of the anchors, or your own: the records of a field's value or values
   * (`{ split: dev }`).
   */
  validation: validationOptions.default(0.1),
  /** Records that neither train nor select (`{ split: test }`): they judge the winner of a search. */
  heldOut: ownPartOnly.optional(),
  /** Near-duplicate anchors across parts of your own are refused; this lets them pass. */
  allowCrossing: z.boolean().default(false),
  seed: z.union([z.number().int(), z.string()]).default(1),
  schedule,
  clip,
  weightDecay,
  dropout,
  evaluations,
  patience,
  checkpointSeconds,
});
export type EmbedOptions = z.output<typeof embedOptions>;
export type EmbedInput = z.input<typeof embedOptions>;
