/** The `searches:` part of `loam.yaml`: what may vary, what counts, who chooses, who ends trials early, and how much there is to spend. */
import { z } from "zod";
import { count } from "../../train/part.ts";
import { spaceSchema } from "../search/space-options.ts";

const samplerNames = ["tpe", "gp", "cma-es", "random", "halton", "grid"] as const;
export type SamplerName = (typeof samplerNames)[number];
const prunerNames = ["none", "median", "asha", "hyperband"] as const;
export type PrunerName = (typeof prunerNames)[number];

/** What a trial may be judged by, all of them the less the better; a new one is a row, and a measure of that name. */
export const objectives = {
  heldOut: "bits per byte on the validation half of the held-out documents; of a tuned model, its loss on what selects",
  errors: "share of what selects that is wrong: texts of another class, pairs the wrong way round, anchors with another text nearer",
  seconds: "seconds of training",
  latency: "median milliseconds of an answer to one text, over a sample of what selects, on this machine",
  parameters: "parameters",
  memory: "bytes to serve it: weights and keys and values of a full context, in 32 bits",
} as const satisfies Record<string, string>;
export type ObjectiveName = keyof typeof objectives;

export const searchPart = z.strictObject({
  model: z
    .string()
    .min(1)
    .meta({ description: "Model of this file whose settings are searched.", examples: ["topics"] }),
  space: spaceSchema.meta({
    description: "Search space: path of a setting -> values or a range. A path may begin with `data.` or `tokenizer.`.",
    examples: [{ "tune.rate": { from: 1e-5, to: 0.001, log: true } }],
  }),
  objectives: z
    .array(z.enum(Object.keys(objectives) as [ObjectiveName, ...ObjectiveName[]]))
    .min(1)
    .default(["heldOut"])
    .describe("Objectives, all minimised. Pruners look at the first one; several give a Pareto front."),
  sampler: z.enum(samplerNames).default("tpe").describe("Sampler."),
  pruner: z.enum(prunerNames).default("median").describe("Pruner."),
  trials: z.number().int().min(1).max(10_000).default(20).describe("Number of trials, pruned and failed ones included."),
  parallel: z.number().int().min(1).max(256).default(1).describe("Worker processes."),
  tokens: count.optional().describe("Training tokens per trial. Default: the model's."),
  reports: z.number().int().min(1).max(1000).default(16).describe("Intermediate reports per trial."),
  seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
  folds: z.number().int().min(2).max(100).optional().describe("Score trials of a tuned model by cross-validation with this many folds."),
});
export type SearchPart = z.output<typeof searchPart>;
