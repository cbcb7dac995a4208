/** A recipe for tuning an encoder's vectors: the `tune:` part of a model in `loam.yaml` with `task: embed`, checked and with its defaults. */
import { z } from "zod";
import { ownPartOnly } from "../../data/part.ts";
import { rowRankOptions } from "../../train/part.ts";
import { classifyOptions } from "../classify/options.ts";
import { validationOptions } from "../validation-options.ts";

const { method, epochs, batch, length, schedule, clip, weightDecay, dropout, evaluations, patience, checkpointSeconds, rate } =
  classifyOptions.shape;

export const embedColumns = z.strictObject({
  anchor: z.string().min(1).optional().describe("Field with the anchor."),
  positive: z.string().min(1).optional().describe("Field with the positive."),
  negative: z.string().min(1).optional().describe("Field with the negative."),
});
export type EmbedColumns = z.output<typeof embedColumns>;

export const embedOptions = z.strictObject({
  columns: embedColumns.optional().describe("Fields of a record. Default: anchor (or query), positive, negative."),
  method,
  rate,
  epochs: epochs.removeDefault().default(1).describe("Epochs."),
  batch: batch.removeDefault().default(32).describe("Anchors per step. The other anchors' texts are in-batch negatives."),
  length,
  temperature: z
    .number()
    .min(0.001)
    .max(10)
    .default(0.05)
    .describe("Temperature of the contrastive loss; sentence-transformers' scale of 20 is 0.05."),
  validation: validationOptions
    .default(0.1)
    .meta({ description: "Validation set: a fraction of the anchors, or a field and its values.", examples: [0.1, { split: "dev" }] }),
  heldOut: ownPartOnly
    .optional()
    .meta({ description: "Test set: a field and its values. Evaluates the winner of a search.", examples: [{ split: "test" }] }),
  allowCrossing: z.boolean().default(false).describe("Accept near-duplicate anchors across the split."),
  seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
  schedule,
  clip,
  weightDecay,
  dropout,
  evaluations,
  patience,
  checkpointSeconds,
  ...rowRankOptions,
});
export type EmbedOptions = z.output<typeof embedOptions>;
export type EmbedInput = z.input<typeof embedOptions>;
