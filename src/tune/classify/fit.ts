/**
 * Fine-tuning of a classifier: a head over a model's states, trained with all, some or few of its weights (methods/), selected by what the
 * validation part says, resumable after every checkpoint. What it gives is a function of model, texts and recipe.
 */
import { type LoamError, type Progress, type Tree, treeFrom, treeLeaves, treePaths } from "../../base/index.ts";
import { classificationScores, confusion } from "../../evaluate/index.ts";
import {
  dropoutFrom,
  type Model,
  type ModelConfig,
  modelOf,
  negativeLogLikelihood,
  type ParameterSpec,
  specOfModel,
  startValues,
  textLogits,
  withClassifier,
} from "../../nn/index.ts";
import { type Device, type DeviceArray, fromNumbers, mul, sameShape, sizeOf, sum, type Tensor } from "../../tensor/index.ts";
import { adamw, type HostBatch, type MetricPoint, single } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { type BatchSource, type Judged, runFit } from "../fit.ts";
import {
  type FrozenTensors,
  givenBackOnFailure,
  mergedModel,
  nameOfMethod,
  type TrainableTensors,
  type TunedArrays,
  tuningOf,
} from "../methods/index.ts";
import { epochOf, layTexts, widthsOf } from "./batches.ts";
import type { ClassifyOptions } from "./options.ts";
import { greatest, predictorOf, softmax } from "./predict.ts";

/** Texts as tokens, with their classes. */
export interface TokenTexts {
  readonly ids: readonly string[];
  readonly tokens: readonly ArrayLike<number>[];
  readonly labels: Int32Array;
}

export interface FitOptions {
  readonly device: Device;
  /** Its arrays are taken over. */
  readonly base: Model;
  readonly recipe: ClassifyOptions;
  readonly classes: readonly string[];
  readonly train: TokenTexts;
  readonly validation: TokenTexts;
  /** Longest text, tokens. */
  readonly longest: number;
  /** Identity of everything the result depends on; checkpoints of another are refused. */
  readonly identity: string;
  readonly folder: string;
  readonly eventsFolder?: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  readonly onProblem?: (problem: LoamError) => void;
  readonly now?: () => number;
}

interface Scores extends Judged {
  readonly macroF1: number;
  readonly accuracy: number;
  /** Nats a text. */
  readonly loss: number;
}
/** One evaluation on the validation part. */
export interface Selection extends Scores {
  readonly step: number;
}

export interface FitResult {
  readonly model: Model;
  /** What the model was merged of, for the proof of the merge; `disposeTuned` gives back what the model does not hold. */
  readonly tuned: TunedArrays;
  readonly points: readonly MetricPoint[];
  readonly steps: number;
  readonly stoppedEarly: boolean;
  readonly resumedFrom: number;
  readonly best: Selection;
  readonly history: readonly Selection[];
  /** Logits of the validation part by the chosen values. */
  readonly validationLogits: readonly Float64Array[];
  readonly trained: number;
  readonly totalMs: number;
}

type Batch = { tokens: Tensor; present: Tensor; targets: Tensor; weights: Tensor; seed: Tensor };

/** Weights of classes: `balanced` as scikit-learn has it, n / (classes x n of the class). Errors: tune/labels for one that there is not. */
export function classWeights(weights: ClassifyOptions["weights"], classes: readonly string[], labels: Int32Array): number[] {
  if (weights === "none") return classes.map(() => 1);
  if (weights === "balanced") {
    const counts = classes.map((_, c) => labels.reduce((n, l) => n + (l === c ? 1 : 0), 0));
    return counts.map(n => labels.length / (classes.length * n));
  }
  const unknown = Object.keys(weights).find(name => !classes.includes(name));
  if (unknown !== undefined)
    throw tuneErrors.fail("labels", { place: "weights", expected: `classes among ${classes.join(", ")}`, received: `"${unknown}"` });
  return classes.map(name => weights[name] ?? 1);
}

/** The base with a head for these classes: its values where the parameters are the same, drawn ones for what is new. */
export async function withHead(base: Model, model: ModelConfig, device: Device, seed: number | string): Promise<unknown> {
  const sameClasses =
    base.family !== "encoder-decoder" &&
    model.family !== "encoder-decoder" &&
    JSON.stringify(base.config.classifier?.labels) === JSON.stringify(model.config.classifier?.labels);
  const old = new Map(treePaths<DeviceArray>(base.parameters as unknown as Tree<DeviceArray>));
  const specs = specOfModel(model) as unknown as Tree<ParameterSpec>;
  const arrays: DeviceArray[] = [];
  for (const [path, spec] of treePaths<ParameterSpec>(specs)) {
    const found = old.get(path);
    // a pooler of a pre-trained encoder is worth as much as any start
    const isReused = found && sameShape(found.shape, spec.shape) && (sameClasses || !path.startsWith("classifier."));
    if (isReused) old.delete(path);
    arrays.push(isReused ? found : await device.array(fromNumbers(startValues(spec, path, seed), spec.dtype), spec.dtype, spec.shape));
  }
  for (const a of old.values()) a.dispose();
  return treeFrom<ParameterSpec, DeviceArray>(specs, arrays);
}

const defaultRate = (recipe: ClassifyOptions): number => {
  const name = nameOfMethod(recipe.method);
  return recipe.rate ?? (name === "full" || name === "frozen" ? 1e-4 : 1e-3);
};

/** Scores of logits on texts whose classes are known. */
function selectionOf(logits: readonly ArrayLike<number>[], labels: Int32Array, classes: readonly string[]): Scores {
  const predicted = Int32Array.from(logits, greatest);
  const scores = classificationScores(confusion({ classes, truth: labels, predicted }));
  const loss = logits.reduce((s, row, i) => s - Math.log(Math.max(softmax(row)[labels[i]!]!, 1e-300)), 0) / labels.length;
  return { macroF1: scores.macro.f1, accuracy: scores.accuracy, loss };
}
/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: tune/*, train/*, nn/*; on abort the state is saved first. */
export async function fitClassifier(o: FitOptions): Promise<FitResult> {
  const { device, recipe, classes, train, validation } = o;
  const model = withClassifier({ family: o.base.family, config: o.base.config } as ModelConfig, {
    labels: [...classes],
    kind: "one",
    longest: o.longest,
    ...(recipe.pooling ? { pooling: recipe.pooling } : {}),
  });
  const specs = specOfModel(model);
  const tuning = tuningOf(recipe.method, specs, { whole: ["classifier"] });
  const { trainable, frozen } = await tuning.start(await withHead(o.base, model, device, recipe.seed), device, recipe.seed);
  const widths = widthsOf(o.longest);
  const lengths = train.tokens.map(t => t.length);
  const rows = Math.min(recipe.batch, train.tokens.length);
  const epochAt = (epoch: number) => epochOf(lengths, widths, rows, `${recipe.seed}/epoch/${epoch}`);
  const batchesIn = epochAt(0).length;
  const steps = Math.max(1, Math.round(recipe.epochs * batchesIn));
  const weightOf = classWeights(recipe.weights, classes, train.labels);

  /** Batches of one epoch after the other; an epoch has the same number of them each time. */
  const source = (state = { epoch: 0, row: 0 }): BatchSource => {
    let { epoch, row } = state;
    let batches = epochAt(epoch);
    return {
      state: () => ({ epoch, row }),
      next() {
        const batch = batches[row]!;
        const weights = Float32Array.from({ length: rows }, (_, i) =>
          i < batch.texts.length ? weightOf[train.labels[batch.texts[i]!]!]! : 0,
        );
        const host: HostBatch = {
          arrays: {
            ...layTexts(train.tokens, batch, rows),
            targets: Int32Array.from({ length: rows }, (_, i) => (i < batch.texts.length ? train.labels[batch.texts[i]!]! : 0)),
            weights,
            seed: Int32Array.of(epoch * batchesIn + row),
          },
          shapes: { tokens: [rows, batch.width], present: [rows, batch.width] },
          weight: weights.reduce((a, b) => a + b, 0),
          documents: batch.texts.map(i => train.ids[i]!),
        };
        if (++row === batches.length) [epoch, row, batches] = [epoch + 1, 0, epochAt(epoch + 1)];
        return host;
      },
    };
  };
  const predictor = predictorOf({
    device,
    model,
    longest: o.longest,
    parameters: (trained: TrainableTensors, still: FrozenTensors) => tuning.parameters(still, trained),
  });
  const ask = (trees: readonly unknown[]) => predictor.predict(trees, validation.tokens, { ...(o.signal ? { signal: o.signal } : {}) });
  /** The best judgement of this process: one from before a checkpoint that it goes on from may have been better. */
  let best: { readonly scores: Scores; readonly logits: Awaited<ReturnType<typeof ask>> } | undefined;
  try {
    const fitted = await runFit<Batch>({
      trainer: {
        device,
        specs: tuning.specs,
        loss: ((trained: TrainableTensors, b: Batch, scale: Tensor, still: FrozenTensors) => {
          const logits = textLogits(model, tuning.parameters(still, trained, b.seed), b.tokens, b.present, {
            rematerialise: recipe.rematerialise,
            ...(recipe.dropout > 0 ? { dropout: dropoutFrom(recipe.dropout, b.seed) } : {}),
          });
          return mul(sum(mul(negativeLogLikelihood(logits, b.targets), b.weights)), scale);
        }) as never,
        batch: {
          tokens: { shape: [rows, o.longest], dtype: "i32", below: model.config.vocab },
          present: { shape: [rows, o.longest], dtype: "i32" },
          targets: { shape: [rows], dtype: "i32", below: weightOf.length },
          weights: { shape: [rows], dtype: "f32" },
          seed: { shape: [], dtype: "i32" },
        },
        optimizer: single(adamw({ beta2: 0.999, weightDecay: recipe.weightDecay })),
        rate: defaultRate(recipe),
        schedule: { ...recipe.schedule, warmup: Math.round(recipe.schedule.warmup * steps) },
        steps,
        clip: recipe.clip,
        precision: recipe.precision,
        seed: recipe.seed,
      },
      start: trainable,
      frozen,
      source,
      tokensOf: b => (b.arrays.present as Int32Array).reduce((n, x) => n + x, 0),
      judge: async (trained, still) => {
        const logits = await ask([trained, still]);
        const scores = selectionOf(logits, validation.labels, classes);
        if (!best || isBetter(scores, best.scores, recipe.select)) best = { scores, logits };
        return scores;
      },
      isBetter: (a, b) => isBetter(a as Scores, b as Scores, recipe.select),
      shown: s => `validation F1 ${s.macroF1!.toFixed(3)}`,
      // the head is drawn: there is nothing to be chosen yet
      judgesStart: false,
      judgeEvery: Math.max(1, Math.floor(batchesIn / recipe.evaluations)),
      patience: recipe.patience,
      logEvery: 10,
      checkpointSeconds: recipe.checkpointSeconds,
      identity: o.identity,
      folder: o.folder,
      eventsFolder: o.eventsFolder,
      progress: o.progress,
      signal: o.signal,
      onProblem: o.onProblem,
      ...(o.now ? { now: o.now } : {}),
    });
    const { trainable: chosen, points, steps: done, stoppedEarly, resumedFrom, totalMs } = fitted;
    const history = fitted.history as readonly Selection[];
    const chosenScores = history[fitted.best]!;
    return await givenBackOnFailure([chosen, frozen], async () => ({
      validationLogits: best?.scores.loss === chosenScores.loss ? best.logits : await ask([chosen, frozen]),
      model: modelOf(model, await mergedModel(tuning, frozen, chosen, device)),
      tuned: { tuning, trainable: chosen, frozen },
      points,
      steps: done,
      stoppedEarly,
      resumedFrom,
      best: chosenScores,
      history,
      trained: treeLeaves<DeviceArray>(chosen as unknown as Tree<DeviceArray>).reduce((n, a) => n + sizeOf(a.shape), 0),
      totalMs,
    }));
  } finally {
    predictor.dispose();
  }
}

const isBetter = (a: Scores, b: Scores, by: ClassifyOptions["select"]): boolean =>
  by === "loss" ? a.loss < b.loss : a.macroF1 > b.macroF1 || (a.macroF1 === b.macroF1 && a.loss < b.loss);
