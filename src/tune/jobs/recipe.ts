/**
 * A job's hyperparameters as the `tune:` part of loam.yaml, so that a job and `loam tune` run the same stages. `auto` means what `loam tune`
 * does by itself, except for the epochs, which are more where examples are few (the rule of OpenAI's cookbook: at least 100 examples seen, at
 * most 25,000). Without a validation file nothing is set aside: all of a job's examples are trained on, as OpenAI does.
 */

import { defined } from "../../base/index.ts";
import { rateOf } from "../fit.ts";
import { decoderRate } from "../instruct/tune.ts";
import { methodOptions } from "../methods/index.ts";
import type { CheckedFiles } from "./check-files.ts";
import { type Auto, type Hyperparameters, hyperparametersOf, type JobMethod } from "./job.ts";

const usualEpochs = 3;
/** Examples seen in all epochs together. */
const fewest = 100;
const most = 25_000;
const mostEpochs = 25;

export function autoEpochs(examples: number): number {
  if (examples * usualEpochs < fewest) return Math.min(mostEpochs, Math.floor(fewest / examples));
  if (examples * usualEpochs > most) return Math.max(1, Math.floor(most / examples));
  return usualEpochs;
}

/** Examples, or pairs, of a micro-batch: what fits the memory of a small machine. */
const mostRows = 8;
/** Micro-batches that add up to so many examples a step, as large as they may be. */
export function microBatches(batch: number): { readonly rows: number; readonly accumulate: number } {
  let rows = Math.min(mostRows, batch);
  while (batch % rows !== 0) rows--;
  return { rows, accumulate: batch / rows };
}

/** Tokens of a row where several examples share one. */
const packedTokens = 512;
/** Lengths go up in such steps, so that files that are nearly alike share their programs. */
const lengthStep = 16;

/** Tokens a row: all examples fit, several to a row where rows are packed, and never more than the model reads. */
export function rowTokens({ longest, tokens, context }: CheckedFiles, isPacked: boolean): number {
  const least = isPacked ? Math.max(longest, Math.min(packedTokens, tokens)) : longest;
  return Math.min(context, lengthStep * Math.ceil(Math.max(8, least) / lengthStep));
}

interface RecipeGiven {
  readonly method: JobMethod;
  readonly seed: number;
  readonly checked: CheckedFiles;
  /** Paths from the project's folder. */
  readonly on: string;
  readonly validationFile: string | undefined;
  readonly checkpointSeconds: number;
  readonly checkpoints: number;
}

const method = "lora";
/** What a multiplier multiplies: the rate that `loam tune` takes by itself. */
export const usualRate = rateOf({ method: methodOptions.parse(method) }, decoderRate);

const chosen = <T>(value: Auto<T>, usual: T): T => (value === "auto" ? usual : value);

/** The `tune:` part that a job runs, unchecked as a file would say it, and the hyperparameters with what `auto` came to. */
export function recipeOf(o: RecipeGiven): { readonly tune: Readonly<Record<string, unknown>>; readonly hyperparameters: Hyperparameters } {
  const { n_epochs, batch_size, learning_rate_multiplier } = hyperparametersOf(o.method);
  const epochs = chosen(n_epochs, autoEpochs(o.checked.train));
  const multiplier = chosen(learning_rate_multiplier, 1);
  const batch = batch_size === "auto" ? undefined : microBatches(batch_size);
  const isPreference = o.method.type === "dpo";
  const common = {
    on: o.on,
    ...defined({ validationFile: o.validationFile }),
    validation: 0,
    // a job cannot say that it means it: the job warns instead
    allowCrossing: true,
    seed: o.seed,
    length: rowTokens(o.checked, !isPreference && batch === undefined),
    method,
    rate: multiplier * usualRate,
    epochs,
    logEvery: 1,
    checkpointSeconds: o.checkpointSeconds,
    checkpoints: o.checkpoints,
    result: "merged",
  };
  const tune =
    o.method.type === "dpo"
      ? {
          task: "preference",
          ...common,
          beta: chosen(o.method.dpo.hyperparameters.beta, 0.1),
          ...(batch ? { pairs: batch.rows, accumulate: batch.accumulate } : {}),
        }
      : { task: "instruct", ...common, ...(batch ? { ...batch, pack: false } : {}) };
  return { tune, hyperparameters: { n_epochs: epochs, batch_size, learning_rate_multiplier: multiplier } };
}
