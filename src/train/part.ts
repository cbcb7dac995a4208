/** The `train:` part and the architecture of a model in `loam.yaml`: schemas alone, so that reading the file loads no engine. */

import { z } from "zod";
import { parseBytes, parseCount, replacingKey } from "../base/part.ts";

/** Numbers that products are computed in; `auto`: f32 or bf16, whichever is timed faster. */
export const precisions = ["f32", "bf16", "f16", "auto"] as const;
export type Precision = (typeof precisions)[number];
export type ComputedPrecision = Exclude<Precision, "auto">;
/** Those that `auto` chooses from. */
export type TimedPrecision = Exclude<ComputedPrecision, "f16">;

/** How pieces of documents share rows. */
const rowPackings = ["best-fit", "none"] as const;
export type RowPacking = (typeof rowPackings)[number];

export const scheduleKinds = ["constant", "cosine", "linear", "wsd"] as const;
export type ScheduleKind = (typeof scheduleKinds)[number];

const size = z.number().int().min(1);

export const modelPart = z.strictObject({
  family: z.enum(["gpt", "llama"]).default("llama").describe("Architecture family."),
  layers: size.meta({ description: "Transformer blocks.", examples: [6] }),
  width: size.meta({ description: "Model width (embedding size).", examples: [192] }),
  heads: size.meta({ description: "Attention heads. Must divide the width.", examples: [6] }),
  kvHeads: size.optional().describe("Key-value heads (grouped-query attention). Default: `heads`."),
  hidden: size.optional().describe("Feed-forward width. Default: the family's multiple of the width."),
  context: size.meta({ description: "Context length in tokens.", examples: [256] }),
  activation: z
    .enum(["gelu", "geluTanh", "swiglu", "relu2"])
    .optional()
    .describe("Activation of the feed-forward layers. Default: the family's."),
  tied: z.boolean().optional().describe("Tie input and output embeddings. Default: the family's."),
  bias: z.boolean().optional().describe("Biases in linear layers. Default: the family's."),
  qkNorm: z.boolean().optional().describe("Normalise queries and keys."),
  window: size.optional().describe("Sliding-window attention, in tokens. Default: full attention."),
  logitCap: z.number().positive().optional().describe("Soft cap on the logits."),
});
export type ModelPart = z.output<typeof modelPart>;

/** A number of things: 4000000, "4M", "250k". */
export const count = z.union([z.number(), z.string()]).transform((v, context) => {
  const n = parseCount(v);
  if (n === undefined || !Number.isInteger(n) || n < 1) {
    context.addIssue({ code: "custom", message: 'a whole number from 1, such as 250000, "250k" or "4M"' });
    return z.NEVER;
  }
  return n;
});
const bytes = z.union([z.number(), z.string()]).transform((v, context) => {
  const n = parseBytes(v);
  if (n === undefined || n < 1) {
    context.addIssue({ code: "custom", message: 'an amount of memory, such as "2GB", "512MiB" or a number of bytes' });
    return z.NEVER;
  }
  return n;
});
/** What a training step may take: of every recipe. */
export const memoryOption = replacingKey(
  bytes.optional().meta({
    description:
      "Memory of a training step: parameters, gradients, optimiser state and activations. Activations that do not fit are recomputed. Default: no limit.",
    examples: ["2GB"],
  }),
  "rematerialise",
  "Write `memory: 2GB` (any amount): what does not fit is recomputed, and no more. Without `memory` nothing is recomputed, as with `rematerialise: false`.",
);
/** In which numbers a training step computes: of every recipe. */
export const precisionOption = z
  .enum(precisions)
  .optional()
  .describe("Mixed precision: `bf16`; `f16` with loss scaling on `pjrt:` devices; `auto`: f32 or bf16, as measured. Default: float32.");

const whole = z.number().int().min(0);
const share = z.number().min(0).max(1);

/** Rules by which parameters are moved. */
export const optimizerKinds = ["adamw", "muon", "lion", "adafactor", "scheduleFree", "adamw8bit"] as const;
export type OptimizerKind = (typeof optimizerKinds)[number];

const decay = z.number().min(0);
const adamOptions = {
  beta1: share.default(0.9).describe("Decay of the first moment."),
  beta2: share.default(0.95).describe("Decay of the second moment."),
  epsilon: z.number().positive().default(1e-8).describe("Epsilon."),
  weightDecay: decay.default(0.1).describe("Weight decay."),
};
/** Parameters with a rule, a rate or a decay of their own. */
export const parameterGroup = z.strictObject({
  parameters: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .meta({ description: "Parameter paths; `*` matches any characters.", examples: ["blocks.0.*"] }),
  rate: z.number().min(0).optional().describe("Multiple of the learning rate. 0 freezes the parameters."),
  weightDecay: decay.optional().describe("Weight decay. Default: the optimiser's."),
  kind: z.enum(optimizerKinds).optional().describe("Optimiser of the group. Default: the recipe's."),
});
/** The first group that names a parameter is its group. */
const groups = z.array(parameterGroup).optional();
const grouping = { groups: groups.describe("Parameter groups. The first group that matches a parameter applies.") };

/** Options of each kind: a new one is a row here and in `recipe.ts`. */
export const optimizerOptions = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("adamw").describe("Optimiser."), ...adamOptions, ...grouping }),
  z.strictObject({
    kind: z.literal("muon").describe("Optimiser."),
    momentum: share.default(0.95).describe("Momentum."),
    iterations: z.number().int().min(1).max(20).default(5).describe("Newton-Schulz iterations."),
    ...adamOptions,
    adamFactor: z.number().positive().default(0.15).describe("Learning rate of AdamW (embeddings, norms, biases) as a multiple of Muon's."),
    ...grouping,
  }),
  z.strictObject({
    kind: z.literal("lion").describe("Optimiser."),
    beta1: share.default(0.9).describe("Weight of the momentum in the direction of a step."),
    beta2: share.default(0.99).describe("Decay of the momentum."),
    weightDecay: decay.default(0.5).describe("Weight decay. With a rate of a third to a tenth of AdamW's, three to ten times its decay."),
    ...grouping,
  }),
  z.strictObject({
    kind: z.literal("adafactor").describe("Optimiser."),
    relative: z
      .boolean()
      .default(false)
      .describe("Steps relative to each parameter's root mean square, at most 1 / sqrt(step) of it. Default: steps of the learning rate."),
    clipThreshold: z.number().positive().default(1).describe("Root mean square above which an update is scaled down."),
    decayPower: z.number().positive().max(1).default(0.8).describe("The decay of the second moment at step t is 1 - t^-decayPower."),
    weightDecay: decay.default(0.1).describe("Weight decay."),
    ...grouping,
  }),
  z.strictObject({ kind: z.literal("adamw8bit").describe("Optimiser."), ...adamOptions, ...grouping }),
  z.strictObject({
    kind: z.literal("scheduleFree").describe("Optimiser."),
    ...adamOptions,
    // gradients are taken at the average alone with 1, and there would be no average to evaluate with 0
    beta1: z.number().gt(0).lt(1).default(0.9).describe("Weight of the average in the point at which gradients are taken."),
    ...grouping,
  }),
]);

const from = share.default(0).describe("Fraction of the steps before the average starts.");
/** Weight averages, evaluated and kept as the model. */
const averagePart = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("ema").describe("Exponential moving average of the weights of all steps."),
    decay: z.number().gt(0).lt(1).default(0.99).describe("Share of the average that a step keeps. 0.99 averages some 100 steps."),
    from,
  }),
  z.strictObject({
    kind: z.literal("lawa").describe("Mean of the latest weights, taken at equal distances (LAWA)."),
    keep: z.number().int().min(2).max(100).default(5).describe("Copies of the weights that are averaged, each in memory."),
    every: z.number().int().min(1).default(50).describe("Steps between two copies."),
    from,
  }),
]);
export type AverageOptions = z.output<typeof averagePart>;

export const batchRateRules = ["constant", "sqrt", "linear"] as const;
/** A batch that grows. */
const batchPart = z.strictObject({
  ramp: z
    .array(
      z.strictObject({
        until: z.number().gt(0).lt(1).describe("Fraction of the tokens at which this stage ends."),
        rows: size.describe("Rows per step: at most `rows`, or a multiple of `rows`."),
      }),
    )
    .min(1)
    .describe("Stages of a smaller batch. After the last one a step has `rows` x `accumulate` rows."),
  rate: z
    .enum(batchRateRules)
    .default("sqrt")
    .describe("Learning rate of a stage as a power of its share of the final batch: 0 (`constant`), 0.5 (`sqrt`) or 1 (`linear`)."),
});

/** Axes along which ranks divide a training. */
export const recipeAxes = ["data", "tensor", "sequence", "pipeline"] as const;
const maximumRanks = 1024;
const axisPart = (what: string, example = 1) =>
  z
    .number()
    .int()
    .min(1)
    .max(maximumRanks)
    .optional()
    .meta({ description: `Ranks ${what}. Default: 1.`, examples: [example] });
export const meshPart = z.strictObject({
  data: axisPart("that divide the rows of each step", 2),
  tensor: axisPart("that divide matrices"),
  sequence: axisPart("that divide the tokens of a row"),
  pipeline: axisPart("that divide the blocks"),
});
export type MeshPart = z.output<typeof meshPart>;

/** What of a step's memory is divided among the ranks of the axis data: nothing, optimiser state, gradients too, parameters too. */
const zeroLevels = [0, 1, 2, 3] as const;
export type ZeroLevel = (typeof zeroLevels)[number];

/** What a training does when one of its ranks is lost. */
const lostRankRules = ["stop", "shrink", "restart"] as const;

/** In which order the ranks of a pipeline take micro-batches through their stages. */
const pipelineOrders = ["1f1b", "gpipe", "interleaved"] as const;
const pipelinePart = z.strictObject({
  schedule: z
    .enum(pipelineOrders)
    .default("1f1b")
    .describe(
      "`1f1b`: backward passes as soon as there is one, which holds the fewest activations; `gpipe`: all forward passes first; `interleaved`: several stages a rank, which divides the idle time by their number and sends more. `interleaved` takes `accumulate` in multiples of the pipeline's ranks.",
    ),
  stages: z.number().int().min(2).max(64).optional().describe("Stages of each rank, with `interleaved` alone. Default: 2."),
});
export type PipelinePart = z.output<typeof pipelinePart>;

const meshShape = {
  mesh: meshPart.optional().meta({ description: "Processes (ranks) that train together, by axis. Default: one.", examples: [{ data: 2 }] }),
  zero: z
    .literal(zeroLevels)
    .optional()
    .describe(
      "ZeRO level: 1 divides the optimiser state among the ranks, 2 the gradients too, 3 the parameters too, which are gathered block by block. A mesh with other axes than data divides the state at every level. Default: 0, nothing.",
    ),
};
/** The ranks of a recipe alone. */
export const meshOptions = z.strictObject(meshShape);
const pipeline = pipelinePart.optional().describe("Schedule of a mesh with the axis pipeline. Default: 1f1b.");
const onLost = z
  .enum(lostRankRules)
  .optional()
  .describe(
    "When a rank is lost: `stop` (default), `restart` from the last checkpoint with a new one, or `shrink` to fewer ranks, which alone changes results.",
  );
/** Ranks that divide the rows of a step alone, and what is done when one is lost. */
export const rowRankOptions = {
  mesh: meshPart
    .pick({ data: true })
    .optional()
    .meta({ description: "Processes (ranks) that train together. Default: one.", examples: [{ data: 2 }] }),
  zero: z
    .literal([0, 1, 2])
    .optional()
    .describe("ZeRO level: 1 divides the optimiser state among the ranks, 2 the gradients too. Results are the same. Default: 0, nothing."),
  onLost,
};

/** These ranks alone. */
export const rowMeshOptions = z.strictObject(rowRankOptions).omit({ onLost: true });

export const recipeSchema = z.strictObject({
  tokens: count.meta({ description: "Tokens to train on; epochs repeat as needed.", examples: ["4M", 250000] }),
  rows: z.number().int().min(1).default(16).describe("Rows per micro-batch."),
  length: z.number().int().min(2).describe("Tokens per row."),
  packing: z
    .enum(rowPackings)
    .optional()
    .describe(
      "Sequence packing: `best-fit` puts several short documents into a row, `none` pads each to a row of its own. Default: best-fit.",
    ),
  accumulate: z.number().int().min(1).default(1).describe("Micro-batches per step (gradient accumulation)."),
  batch: batchPart.optional().describe("Batch-size ramp. Default: every step has `rows` x `accumulate` rows."),
  optimizer: optimizerOptions.prefault({ kind: "muon" }).describe("Optimiser."),
  rate: z
    .number()
    .positive()
    .meta({ description: "Peak learning rate.", examples: [0.02] }),
  schedule: z
    .strictObject({
      kind: z.enum(scheduleKinds).default("wsd").describe("Shape of the schedule."),
      warmup: whole.default(20).describe("Warm-up steps."),
      floor: share.default(0).describe("Final factor of the peak rate."),
      decayShare: z.number().positive().max(1).default(0.5).describe("`wsd`: fraction of the steps for the final decay."),
    })
    .prefault({})
    .describe("Learning rate schedule."),
  clip: z.number().min(0).default(1).describe("Gradient clipping by global norm. 0: off."),
  average: averagePart
    .optional()
    .describe("Weight average that is evaluated and kept as the model. Default: the weights of the last step."),
  noiseScale: z
    .strictObject({
      every: z
        .number()
        .int()
        .min(1)
        .default(10)
        .describe("Steps between measurements, where a step has one micro-batch: it is computed as two halves."),
    })
    .optional()
    .describe("Measure the gradient noise scale, in tokens, and suggest a batch size. Default: off."),
  multiToken: z
    .strictObject({
      tokens: z.number().int().min(2).max(8).default(2).describe("Tokens that each position predicts: the next one and those after it."),
      weight: z.number().positive().default(1).describe("Weight of each further token's loss beside the next one's."),
    })
    .optional()
    .describe("Multi-token prediction: one more block per further token, in training only. Default: the next token alone."),
  vocabMultiple: size
    .optional()
    .describe(
      "Pad the vocabulary to a multiple of this during training; padded ids are masked and dropped at the end. Default: no padding.",
    ),
  dropout: z.number().min(0).max(0.9).default(0).describe("Dropout."),
  seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
  patience: whole.default(0).describe("Early stopping: evaluations without improvement. 0: off."),
  evaluateEvery: z.number().int().min(1).default(100).describe("Steps between evaluations."),
  evaluateBatches: z.number().int().min(1).default(8).describe("Batches per evaluation."),
  logEvery: z.number().int().min(1).default(10).describe("Steps between log lines. Does not change results."),
  checkpointSeconds: z.number().min(0).default(60).describe("Seconds between checkpoints. Does not change results."),
  spike: z.number().min(0).default(2).describe("Stop when the loss exceeds its running mean by this many nats. 0: off."),
  spikeSteps: z.number().int().min(1).default(5).describe("Consecutive steps above the limit before training stops."),
  ...meshShape,
  pipeline,
  onLost,
  memory: memoryOption,
  precision: precisionOption,
  attentionBlock: z.number().int().min(1).default(128).describe("Query block size of causal attention."),
});
export type PretrainRecipe = z.output<typeof recipeSchema>;
export type PretrainRecipeInput = z.input<typeof recipeSchema>;

/** What a classifier is debiased by, and what its adversary sees. */
export const debiasMethods = ["projection", "reversal"] as const;
export type DebiasMethod = (typeof debiasMethods)[number];
/** `equalisedOdds`: the logits and the true class; `demographicParity`: the logits alone. */
export const adversaryGoals = ["equalisedOdds", "demographicParity"] as const;
export type AdversaryGoal = (typeof adversaryGoals)[number];

/** How a trained decoder forgets texts without being trained again. */
export const unlearnMethods = ["npo", "ascent"] as const;
export type UnlearnMethod = (typeof unlearnMethods)[number];

export const unlearnSchema = z.strictObject({
  method: z
    .enum(unlearnMethods)
    .default("npo")
    .describe("Loss on the texts to forget: negative preference optimisation, or gradient ascent."),
  steps: z.number().int().min(1).max(100_000).default(300).describe("Most steps. It ends sooner when no text is left to forget."),
  rate: z.number().positive().default(0.0005).describe("Learning rate of AdamW, constant."),
  rows: size.default(8).describe("Rows of texts to forget per step."),
  retainRows: size.default(8).describe("Rows of retained texts per step."),
  retainWeight: z.number().min(0).default(1).describe("Weight of the retained texts' cross-entropy."),
  beta: z.number().positive().default(0.1).describe("`npo`: inverse temperature."),
  repair: size.default(20).describe("Steps on retained texts alone, taken while no text is left to forget, after which it ends."),
  every: size.default(2).describe("Steps between looks at which texts are left to forget."),
  seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
});
export type UnlearnRecipe = z.output<typeof unlearnSchema>;
export type UnlearnRecipeInput = z.input<typeof unlearnSchema>;
