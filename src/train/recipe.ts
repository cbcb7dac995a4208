/** A pre-training recipe: the `train:` part of a model in `loam.yaml`, checked and with its defaults. */
import { z } from "zod";
import { parseCount } from "../base/index.ts";
import { adamw, muonWithAdamw, type Optimizer, single } from "./optimizer.ts";
import { scheduleKinds } from "./schedule.ts";
import { precisions } from "./trainer.ts";

/** A number of things: 4000000, "4M", "250k". */
export const count = z.union([z.number(), z.string()]).transform((v, context) => {
  const n = parseCount(v);
  if (n === undefined || !Number.isInteger(n) || n < 1) {
    context.addIssue({ code: "custom", message: 'a whole number from 1, such as 250000, "250k" or "4M"' });
    return z.NEVER;
  }
  return n;
});
const whole = z.number().int().min(0);
const share = z.number().min(0).max(1);

const adamOptions = {
  beta1: share.default(0.9),
  beta2: share.default(0.95),
  epsilon: z.number().positive().default(1e-8),
  weightDecay: z.number().min(0).default(0.1),
};
const optimizer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("adamw"), ...adamOptions }),
  z.strictObject({
    kind: z.literal("muon"),
    momentum: share.default(0.95),
    iterations: z.number().int().min(1).max(20).default(5),
    ...adamOptions,
    /** AdamW's rate (tables, norms, biases) as a multiple of Muon's. */
    adamFactor: z.number().positive().default(0.15),
  }),
]);

/** A recipe without what cannot change the result: how often something is written down. Neither recipe keys nor artifacts depend on it. */
export function withoutHabits<R extends object>(recipe: R): Omit<R, "checkpointSeconds" | "logEvery"> {
  const { checkpointSeconds: _, logEvery: __, ...lasting } = recipe as R & { checkpointSeconds?: unknown; logEvery?: unknown };
  return lasting;
}

/** For the stages whose options are a recipe and other things: the options that enter the recipe key. */
export const keyOptionsOfRecipe = <O extends { readonly recipe: object }>({ recipe, ...rest }: O) => ({
  ...rest,
  recipe: withoutHabits(recipe),
});

export const recipeSchema = z.strictObject({
  /** Tokens to train on, epochs repeat as needed. */
  tokens: count,
  /** Rows and tokens a row of a micro-batch. */
  rows: z.number().int().min(1).default(16),
  length: z.number().int().min(2),
  /** Micro-batches a step. */
  accumulate: z.number().int().min(1).default(1),
  optimizer: optimizer.prefault({ kind: "muon" }),
  /** Peak learning rate. */
  rate: z.number().positive(),
  schedule: z
    .strictObject({
      kind: z.enum(scheduleKinds).default("wsd"),
      warmup: whole.default(20),
      floor: share.default(0),
      decayShare: z.number().positive().max(1).default(0.5),
    })
    .prefault({}),
  clip: z.number().min(0).default(1),
  dropout: z.number().min(0).max(0.9).default(0),
  seed: z.union([z.number().int(), z.string()]).default(1),
  /** Stop when the held-out loss has not improved for this many evaluations; 0 for never. */
  patience: whole.default(0),
  evaluateEvery: z.number().int().min(1).default(100),
  evaluateBatches: z.number().int().min(1).default(8),
  logEvery: z.number().int().min(1).default(10),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().min(0).default(60),
  /** Nats by which the loss may lie above its running level for so many steps in a row; 0 for no limit. */
  spike: z.number().min(0).default(2),
  spikeSteps: z.number().int().min(1).default(5),
  /** Recompute activations in the backward pass: less memory, more time. */
  rematerialise: z.boolean().default(false),
  /** Mixed precision; float32 when absent, as results then do not depend on what the processor can do. */
  precision: z.enum(precisions).optional(),
  /** Queries a block of causal attention. */
  attentionBlock: z.number().int().min(1).default(128),
});
export type PretrainRecipe = z.output<typeof recipeSchema>;
export type PretrainRecipeInput = z.input<typeof recipeSchema>;

export const tokensPerStep = (r: PretrainRecipe): number => r.rows * r.length * r.accumulate;
export const stepsOf = (r: PretrainRecipe): number => Math.max(1, Math.ceil(r.tokens / tokensPerStep(r)));

export function optimizerOf(r: PretrainRecipe): Optimizer {
  const { kind, ...o } = r.optimizer;
  if (kind === "adamw") return single(adamw(o));
  const { momentum, iterations, adamFactor, weightDecay, ...a } = o as Extract<PretrainRecipe["optimizer"], { kind: "muon" }>;
  return muonWithAdamw({ momentum, iterations, weightDecay }, { ...a, weightDecay, rateFactor: adamFactor });
}
