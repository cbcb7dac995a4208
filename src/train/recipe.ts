/** A pre-training recipe: the `train:` part of a model in `loam.yaml`, checked and with its defaults. */
import { z } from "zod";
import { nearest, parseCount, type Tree, treePaths } from "../base/index.ts";
import { trainErrors } from "./errors.ts";
import { adamw, frozen, grouped, muonWithAdamw, namesParameter, type Optimizer, single } from "./optimizer.ts";
import { precisions } from "./precision.ts";
import { scheduleKinds } from "./schedule.ts";

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
/** Parameters with a rule, a rate or a decay of their own. */
const group = z.strictObject({
  /** Paths of parameters, `*` for any characters: "blocks.0.*". */
  parameters: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** Multiple of the rate that they would have otherwise; 0 freezes them. */
  rate: z.number().min(0).optional(),
  weightDecay: z.number().min(0).optional(),
  /** Another rule than the common one. */
  kind: z.enum(["adamw", "muon"]).optional(),
});
/** The first group that names a parameter is its group. */
const groups = z.array(group).optional();

const optimizer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("adamw"), ...adamOptions, groups }),
  z.strictObject({
    kind: z.literal("muon"),
    momentum: share.default(0.95),
    iterations: z.number().int().min(1).max(20).default(5),
    ...adamOptions,
    /** AdamW's rate (tables, norms, biases) as a multiple of Muon's. */
    adamFactor: z.number().positive().default(0.15),
    groups,
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

type OptimizerOptions = PretrainRecipe["optimizer"];

/** One optimiser for a set of parameters: the recipe's, with a rate and a decay of their own where a group says so. */
function ruleSet(given: OptimizerOptions, own: Partial<z.output<typeof group>> = {}): Optimizer {
  if (own.rate === 0) return single(frozen);
  const { rate: factor = 1, weightDecay = given.weightDecay, kind = given.kind } = own;
  const adam = { beta1: given.beta1, beta2: given.beta2, epsilon: given.epsilon, weightDecay };
  // a recipe of AdamW has one rate; Muon's rate is that of its matrices, and AdamW beside it has a part of it
  const adamFactor = given.kind === "muon" ? given.adamFactor : 1;
  if (kind === "adamw") return single(adamw({ ...adam, rateFactor: factor * adamFactor }));
  const { momentum = 0.95, iterations = 5 } = given.kind === "muon" ? given : {};
  return muonWithAdamw({ momentum, iterations, weightDecay, rateFactor: factor }, { ...adam, rateFactor: factor * adamFactor });
}

/** The optimiser of a recipe for a model's parameters. Throws `train/recipe` where a group's pattern names none of them. */
export function optimizerOf(r: PretrainRecipe, specs: unknown): Optimizer {
  const common = ruleSet(r.optimizer);
  const own = r.optimizer.groups ?? [];
  if (!own.length) return common;
  const paths = treePaths(specs as Tree<unknown>).map(([path]) => path);
  return grouped(
    own.map((g, i) => {
      const parameters = typeof g.parameters === "string" ? [g.parameters] : g.parameters;
      for (const pattern of parameters)
        if (!paths.some(path => namesParameter([pattern], path)))
          throw unknownParameters(`train.optimizer.groups.${i}.parameters`, pattern, paths);
      return { parameters, optimizer: ruleSet(r.optimizer, g) };
    }),
    common,
  );
}

const unknownParameters = (place: string, pattern: string, paths: readonly string[]) => {
  const near = nearest(pattern, paths);
  return trainErrors.fail("recipe", {
    place,
    expected: "the path of a parameter, with * for any characters",
    received: JSON.stringify(pattern),
    hint: near ? `Did you mean "${near}"?` : `Paths begin with ${[...new Set(paths.map(p => p.split(".")[0]))].join(", ")}.`,
  });
};
