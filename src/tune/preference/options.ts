/** A recipe for preferences: the `tune:` part of a model in `loam.yaml` with `task: preference`, checked and with its defaults. */

import { z } from "zod";
import { exampleOptions, instructRecipe, resultKinds, splitPartOptions } from "../instruct/options.ts";

/** Losses of pairs by name; a row of `pairLosses` computes each. */
export const pairLossNames = ["dpo", "ipo", "simpo", "orpo"] as const;
export type PairLossName = (typeof pairLossNames)[number];

const { pack: _, dropout: __, rows: ___, ...shared } = instructRecipe.shape;
/** A recipe for preferences. */
export const preferenceFitOptions = z.strictObject({
  ...shared,
  loss: z
    .enum([...pairLossNames, "kto"])
    .default("dpo")
    .describe("Loss. `kto` takes rated responses, the others pairs."),
  beta: z
    .number()
    .positive()
    .max(1000)
    .default(0.1)
    .describe("Strength of the preference term. Typical: DPO, IPO, KTO, ORPO 0.1; SimPO 2."),
  smoothing: z.number().min(0).max(0.5).default(0).describe("DPO: label smoothing."),
  margin: z.number().min(0).max(100).default(0).describe("SimPO: target margin."),
  desirable: z.number().min(0).max(1000).optional().describe("KTO: weight of desirable responses. Default: 1."),
  undesirable: z.number().min(0).max(1000).optional().describe("KTO: weight of undesirable responses. Default: 1."),
  pairs: z.number().int().min(1).max(4096).default(2).describe("Pairs per micro-batch. KTO: twice as many responses."),
});
/** Those of pairs, and those of rated answers. */
export const pairFitOptions = preferenceFitOptions.extend({ loss: z.enum(pairLossNames).default("dpo") });
export const ratingFitOptions = preferenceFitOptions.extend({ loss: z.literal("kto") });
const { answers: ____, long: _____, ...read } = exampleOptions.shape;
/** The `tune:` part of a model with `task: preference`. */
export const preferenceOptions = z.strictObject({
  ...read,
  long: z.enum(["refuse", "skip"]).default("refuse").describe("Pairs above `length`: refuse or skip."),
  ...splitPartOptions.shape,
  ...preferenceFitOptions.shape,
  result: z.enum(resultKinds).optional().describe("Result: an adapter, or merged weights. Default: an adapter if the method gives one."),
});
export type PreferenceFitOptions = z.output<typeof preferenceFitOptions>;
export type PreferenceInput = z.input<typeof preferenceFitOptions>;

export type PairRecipe = z.output<typeof pairFitOptions>;
