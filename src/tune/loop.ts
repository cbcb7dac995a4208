/**
 * What every recipe says of the loop that learns it, in the words of `runFit`: optimiser, schedule in steps, when to look and when to stop. A task
 * adds what is its own: the loss, the batches, the judgement.
 */
import type { LoamError, Progress } from "../base/index.ts";
import type { Device } from "../tensor/index.ts";
import { adamw, type Precision, type Schedule, single } from "../train/index.ts";
import { type Method, nameOfMethod } from "./methods/index.ts";

/** The part of a recipe that the loop reads. */
export interface LoopRecipe {
  readonly epochs: number;
  /** Micro-batches a step; one where absent. */
  readonly accumulate?: number;
  /** `warmup` is a share of the steps. */
  readonly schedule: Schedule;
  readonly weightDecay: number;
  readonly clip: number;
  readonly precision?: Precision | undefined;
  readonly seed: number | string;
  /** Judgements an epoch. */
  readonly evaluations: number;
  readonly patience: number;
  /** Ends of epochs whose values are kept, the newest. */
  readonly checkpoints?: number | undefined;
  readonly logEvery?: number;
  readonly checkpointSeconds: number;
}
/** Where it runs. */
export interface LoopRun {
  readonly device: Device;
  readonly identity: string;
  readonly folder: string;
  readonly eventsFolder?: string | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  readonly onProblem?: ((problem: LoamError) => void) | undefined;
}

/** `stepsIn` steps make an epoch, which need not be a whole number. */
export function loopOf(o: LoopRun, recipe: LoopRecipe, rate: number, stepsIn: number) {
  const steps = Math.max(1, Math.ceil(recipe.epochs * stepsIn));
  return {
    trainer: {
      device: o.device,
      optimizer: single(adamw({ beta2: 0.999, weightDecay: recipe.weightDecay })),
      rate,
      schedule: { ...recipe.schedule, warmup: Math.round(recipe.schedule.warmup * steps) },
      steps,
      clip: recipe.clip,
      accumulate: recipe.accumulate ?? 1,
      precision: recipe.precision,
      seed: recipe.seed,
    },
    fit: {
      judgeEvery: Math.max(1, Math.floor(stepsIn / recipe.evaluations)),
      patience: recipe.patience,
      keep: recipe.checkpoints === undefined ? undefined : { most: recipe.checkpoints, stepsIn },
      logEvery: recipe.logEvery ?? 10,
      checkpointSeconds: recipe.checkpointSeconds,
      identity: o.identity,
      folder: o.folder,
      eventsFolder: o.eventsFolder,
      progress: o.progress,
      signal: o.signal,
      onProblem: o.onProblem,
    },
  } as const;
}

/** The recipe's rate, or the usual one: of all weights, or of the factors beside them, ten times that (Schulman et al. 2025, "LoRA without regret"). */
export function rateOf({ rate, method }: { readonly rate?: number | undefined; readonly method: Method }, ofWeights: number): number {
  const name = nameOfMethod(method);
  return rate ?? (name === "full" || name === "frozen" ? ofWeights : 10 * ofWeights);
}
