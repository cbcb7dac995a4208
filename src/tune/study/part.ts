/** The `searches:` part of `loam.yaml`: what may vary, what counts, who chooses, who ends trials early, and how much there is to spend. */
import { z } from "zod";
import { count } from "../../train/index.ts";
import { ashaPruner, hyperbandPruner, medianPruner, noPruner, type Pruner } from "../search/pruners.ts";
import { cmaEsSampler } from "../search/samplers/cma-es.ts";
import { gpSampler } from "../search/samplers/gp.ts";
import { gridSampler } from "../search/samplers/grid.ts";
import { haltonSampler } from "../search/samplers/halton.ts";
import { randomSampler } from "../search/samplers/random.ts";
import type { Sampler } from "../search/samplers/sampler.ts";
import { tpeSampler } from "../search/samplers/tpe.ts";
import { spaceSchema } from "../search/space.ts";

/** Samplers by name; a new one is a row. */
export const samplers = {
  tpe: () => tpeSampler(),
  gp: () => gpSampler(),
  "cma-es": () => cmaEsSampler,
  random: () => randomSampler,
  halton: () => haltonSampler,
  grid: () => gridSampler(),
} as const satisfies Record<string, () => Sampler>;

/** The first report at which trials are compared: before it, rates are still warming up. */
const first = (most: number): number => Math.max(1, Math.floor(most / 8));

/** Pruners by name, for trials that report `most` times; a new one is a row. */
export const pruners = {
  none: () => noPruner,
  median: (most: number) => medianPruner({ warmup: first(most) - 1 }),
  asha: (most: number) => ashaPruner({ least: first(most) }),
  hyperband: (most: number) => hyperbandPruner({ least: first(most), most }),
} as const satisfies Record<string, (most: number) => Pruner>;

/** What a trial may be judged by, all of them the less the better; a new one is a row, and a measure of that name. */
export const objectives = {
  heldOut: "bits a byte on the validation half of the held-out documents; of a tuned model, its loss on what selects",
  errors: "share of what selects that is wrong: texts of another class, pairs the wrong way round, anchors with another text nearer",
  seconds: "seconds of training",
  latency: "median milliseconds of an answer to one text, over a sample of what selects, on this machine",
  parameters: "parameters",
  memory: "bytes to serve it: weights and keys and values of a full context, in 32 bits",
} as const satisfies Record<string, string>;
export type ObjectiveName = keyof typeof objectives;

const keysOf = <T extends object>(o: T) => Object.keys(o) as [keyof T & string, ...(keyof T & string)[]];

export const searchPart = z.strictObject({
  /** The entry of `models:` that is varied. */
  model: z.string().min(1),
  /** Path -> values. A path is one of the entry, or begins with `data.` or `tokenizer.`. */
  space: spaceSchema,
  /** The first one is what pruners look at; several make a Pareto front. */
  objectives: z
    .array(z.enum(keysOf(objectives)))
    .min(1)
    .default(["heldOut"]),
  sampler: z.enum(keysOf(samplers)).default("tpe"),
  pruner: z.enum(keysOf(pruners)).default("median"),
  /** Trials in all, those that were pruned or failed included. */
  trials: z.number().int().min(1).max(10_000).default(20),
  /** Worker processes. */
  parallel: z.number().int().min(1).max(256).default(1),
  /** Tokens a trial is trained on; the entry's when absent. */
  tokens: count.optional(),
  /** How often a trial is looked at on its way. */
  reports: z.number().int().min(1).max(1000).default(16),
  seed: z.union([z.number().int(), z.string()]).default(1),
  /** Judge a trial of a tuned model by the mean over so many folds of its train side, in place of its validation part. */
  folds: z.number().int().min(2).max(100).optional(),
});
export type SearchPart = z.output<typeof searchPart>;
