/** A recipe for tuning a model that reads a number off a text: the `tune:` part of a model in `loam.yaml` with `task: regress`. */

import { z } from "zod";
import { classifyOptions } from "../classify/options.ts";

const {
  classes: _,
  allowNamed: __,
  weights: ___,
  select: ____,
  label: _____,
  debias: ______,
  checkpoints: _______,
  privacy: ________,
  ...shared
} = classifyOptions.shape;

export const regressOptions = z.strictObject({
  ...shared,
  label: z.string().min(1).max(1000).default("score").describe("Attribute with the number."),
});
export type RegressOptions = z.output<typeof regressOptions>;
export type RegressInput = z.input<typeof regressOptions>;

/** The part of a recipe that says what is learnt. */
export const targetOptions = regressOptions.pick({ label: true, validation: true, seed: true, allowCrossing: true });
export type TargetOptions = z.output<typeof targetOptions>;
export const targetsOf = (o: RegressOptions): TargetOptions =>
  targetOptions.parse({ label: o.label, validation: o.validation, seed: o.seed, allowCrossing: o.allowCrossing });

/** The name of ridge regression on the states of the base that is tuned, frozen (`src/tune/frozen`). */
export const frozenRegression = "frozen base + ridge regression";
