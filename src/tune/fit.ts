/**
 * The training loop (`train/loop.ts`) as every kind of tuning runs it: of a model's arrays some are trained and the others stay; what is measured on the
 * part that selects chooses the values. A recipe says optimiser, schedule, when to evaluate and when to stop; a kind adds its loss, batches and judgement.
 */
import { defined, type LoamError, type Progress } from "../base/index.ts";
import { disposeTree } from "../nn/index.ts";
import type { ProcessGroup } from "../ranks/index.ts";
import type { Device, Tensor } from "../tensor/index.ts";
import {
  type AdversarialGradients,
  adamw,
  type BatchArraySpec,
  type BatchSource,
  grouped,
  type HostBatch,
  type LoopPlace,
  type LoopResult,
  type MeasuredLoss,
  onEveryRank,
  type PackingState,
  type Precision,
  type PrivateGradients,
  runLoop,
  type Schedule,
  type StepReport,
  single,
  type ValidationPoint,
  type ValidationScores,
  type ZeroLevel,
} from "../train/index.ts";
import {
  type FrozenArrays,
  type FrozenTensors,
  givenBackOnFailure,
  type Method,
  nameOfMethod,
  type TrainableArrays,
  type TrainableSpecs,
  type TrainableTensors,
} from "./methods/index.ts";
import { readFitted, writeFitted } from "./ranks/fitted-files.ts";

/** The part of a recipe that the loop reads. */
export interface FitRecipe {
  readonly method: Method;
  readonly rate?: number | undefined;
  readonly epochs: number;
  /** Micro-batches a step; one where absent. */
  readonly accumulate?: number;
  /** `warmup` is a share of the steps. */
  readonly schedule: Schedule;
  readonly weightDecay: number;
  readonly clip: number;
  readonly precision?: Precision | undefined;
  /** Bytes of a step. */
  readonly memory?: number | undefined;
  readonly seed: number | string;
  /** Judgements an epoch. */
  readonly evaluations: number;
  readonly patience: number;
  /** Ends of epochs whose values are kept, the newest. */
  readonly checkpoints?: number | undefined;
  readonly logEvery?: number;
  readonly checkpointSeconds: number;
  /** ZeRO level of several ranks. */
  readonly zero?: ZeroLevel | undefined;
}
/** Where it runs. */
export interface FitRun {
  readonly device: Device;
  /** Identity of everything the result depends on; checkpoints of another are refused. */
  readonly identity: string;
  readonly folder: string;
  readonly eventsFolder?: string | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  readonly onProblem?: ((problem: LoamError) => void) | undefined;
  readonly now?: (() => number) | undefined;
  /** Ranks that train it together, each with its share of the rows. Absent: one rank. */
  readonly ranks?: ProcessGroup | undefined;
  /** Other processes train it, and leave the result in the folder. */
  readonly elsewhere?: (() => Promise<void>) | undefined;
}
/** A private training's part of the task. */
interface PrivateFit {
  readonly report: { readonly steps: number };
  readonly gradients: PrivateGradients;
  readonly microBatchesAt: (step: number) => number;
}
/** What is learnt. */
interface FitTask<B extends Record<string, Tensor>> {
  readonly specs: TrainableSpecs;
  /** What the trained values start with; taken over. */
  readonly start: TrainableArrays;
  readonly frozen: FrozenArrays;
  /** Sum of a micro-batch's weighted losses times `scale`. */
  readonly loss: (trained: TrainableTensors, batch: B, scale: Tensor, frozen: FrozenTensors) => Tensor | MeasuredLoss;
  readonly batch: { readonly [K in keyof B]: BatchArraySpec };
  /** Fills in what a batch's loss reads of the rows of other ranks, by the trained values. */
  readonly completeBatch?: ((trained: TrainableArrays, batch: HostBatch) => Promise<HostBatch>) | undefined;
  /** Peak rate of weights where the recipe says none. */
  readonly usualRate: number;
  /** Steps of an epoch, which need not be a whole number. */
  readonly stepsIn: number;
  /** How gradients are made private: the plan's steps, micro-batches by the sample of a step. */
  readonly private?: PrivateFit | undefined;
  /** The gradient is projected off that of an adversary, whose loss stands beside the task's. */
  readonly adversarial?: AdversarialGradients | undefined;
  /** Multiples of the rate of parameters, by patterns of their paths. */
  readonly rateFactors?: Readonly<Record<string, number>>;
  /** Batches from where a checkpoint stood, or from the start. */
  readonly source: (state: PackingState | undefined) => BatchSource;
  /** Tokens of a micro-batch, for speed. */
  readonly tokensOf: (batch: HostBatch) => number;
  /** Absent where nothing is set aside: the last values are the result then. */
  readonly judge?: ((trainable: TrainableArrays, frozen: FrozenArrays) => Promise<ValidationScores>) | undefined;
  /** Is the first one to be chosen? The one with less loss where absent. */
  readonly isBetter?: (a: ValidationScores, b: ValidationScores) => boolean;
  /** What is said of a judgement: `validation 1.234`. */
  readonly shown?: (judged: ValidationScores) => string;
  /** The start is judged too, and may be chosen: what the base is worth. */
  readonly judgesStart: boolean;
}

/** What a tuning comes to. */
export interface Fitted extends Omit<LoopResult<TrainableSpecs>, "parameters" | "nativeMs"> {
  readonly trainable: TrainableArrays;
}

/** The recipe's rate, or the usual one: of all weights, or of the factors beside them, ten times that (Schulman et al. 2025, "LoRA without regret"). */
export function rateOf({ rate, method }: Pick<FitRecipe, "rate" | "method">, ofWeights: number): number {
  const name = nameOfMethod(method);
  return rate ?? (name === "full" || name === "frozen" ? ofWeights : 10 * ofWeights);
}

/** What a product of shares is off by at most: 0.1 epochs of 30 steps are 3 steps, not 3.0000000000000004. */
const off = 1e-9;
/** Steps of so many epochs, rounded up: no kind reads less than a recipe says. */
export function stepsOfEpochs(epochs: number, stepsIn: number): number {
  const steps = epochs * stepsIn;
  return Math.max(1, Math.ceil(steps - off * Math.max(1, steps)));
}

const optimizerOf = (rateFactors: Readonly<Record<string, number>> = {}, weightDecay: number) =>
  grouped(
    Object.entries(rateFactors).map(([pattern, rateFactor]) => ({
      parameters: [pattern],
      optimizer: single(adamw({ beta2: 0.999, weightDecay: 0, rateFactor })),
    })),
    single(adamw({ beta2: 0.999, weightDecay })),
  );

/** What the progress of a step says. */
function describeStep({ step, loss, measures }: StepReport, { steps, last }: LoopPlace, shown: (judged: ValidationPoint) => string) {
  return {
    stage: "tune",
    message: `step ${step} of ${steps}  loss ${loss.toFixed(3)}${last ? `  ${shown(last)}` : ""}`,
    values: {
      step,
      steps,
      loss,
      ...measures,
      ...(last ? { validationLoss: last.loss } : {}),
      ...defined({ validationTokenAccuracy: last?.tokenAccuracy }),
    },
  };
}

const byLoss = ({ loss }: ValidationScores): string => `validation ${loss.toFixed(3)}`;

/** What ranks have trained. The start is not needed then. */
async function fitElsewhere(
  train: () => Promise<void>,
  run: FitRun,
  { start, frozen, specs }: Pick<FitTask<never>, "start" | "frozen" | "specs">,
): Promise<Fitted> {
  const fitted = await givenBackOnFailure([start, frozen], async () => {
    await train();
    return readFitted(run.folder, specs, run.device);
  });
  disposeTree(start);
  return fitted;
}

/**
 * Trains from the start, or from the newest whole checkpoint in the folder. `frozen` stays the caller's, unless this fails: then all that was given is
 * given back. Errors: train/*; on abort the state is saved first.
 */
export async function runFit<B extends Record<string, Tensor>>(run: FitRun, recipe: FitRecipe, task: FitTask<B>): Promise<Fitted> {
  const { judge, frozen, stepsIn } = task;
  if (run.elsewhere) return fitElsewhere(run.elsewhere, run, task);
  const steps = task.private?.report.steps ?? stepsOfEpochs(recipe.epochs, stepsIn);
  const {
    parameters,
    nativeMs: _,
    ...fitted
  } = await givenBackOnFailure([task.start, frozen], () =>
    runLoop<TrainableSpecs, B>({
      trainer: {
        device: run.device,
        specs: task.specs,
        loss: task.loss,
        batch: task.batch,
        start: task.start,
        frozen,
        optimizer: optimizerOf(task.rateFactors, recipe.weightDecay),
        adversarial: task.adversarial,
        rate: rateOf(recipe, task.usualRate),
        schedule: { ...recipe.schedule, warmup: Math.round(recipe.schedule.warmup * steps) },
        steps,
        clip: recipe.clip,
        accumulate: task.private?.microBatchesAt ?? recipe.accumulate ?? 1,
        privacy: task.private?.gradients,
        completeBatch: task.completeBatch,
        precision: recipe.precision,
        memoryBytes: recipe.memory,
        seed: recipe.seed,
        parallel: run.ranks && { group: run.ranks, zero: recipe.zero },
      },
      source: task.source,
      tokensOf: task.tokensOf,
      evaluate: judge && (trainable => judge(trainable, frozen)),
      evaluatesStart: task.judgesStart,
      evaluateEvery: Math.max(1, Math.floor(stepsIn / recipe.evaluations)),
      keepsBest: true,
      isBetter: task.isBetter,
      patience: recipe.patience,
      keep: recipe.checkpoints === undefined ? undefined : { most: recipe.checkpoints, stepsIn },
      logEvery: recipe.logEvery ?? 10,
      checkpointSeconds: recipe.checkpointSeconds,
      describe: (report, at) => describeStep(report, at, task.shown ?? byLoss),
      identity: run.identity,
      folder: run.folder,
      eventsFolder: run.eventsFolder,
      progress: run.progress,
      signal: run.signal,
      onProblem: run.onProblem,
      now: run.now,
    }),
  );
  const made = { ...fitted, trainable: parameters };
  const { ranks } = run;
  if (ranks)
    await onEveryRank(
      ranks,
      () => (ranks.rank === 0 ? writeFitted(run.folder, made) : undefined),
      () => [],
      0,
    );
  return made;
}
