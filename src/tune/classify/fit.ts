/**
 * Fine-tuning of a classifier: a head over a model's states, trained with all, some or few of its weights (methods/), selected by what the
 * validation part says, resumable after every checkpoint. What it gives is a function of model, texts and recipe.
 */
import { type LoamError, type Progress, type Tree, treeFrom, treeLeaves, treePaths } from "../../base/index.ts";
import { classificationScores, confusion } from "../../evaluate/index.ts";
import {
  dropoutFrom,
  loadTree,
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
import { type Device, type DeviceArray, fromNumbers, mul, sameShape, sum, type Tensor } from "../../tensor/index.ts";
import {
  adamw,
  createTrainer,
  latestCheckpoint,
  type MetricPoint,
  openMetricLog,
  optimizerStateShapes,
  saveCheckpoint,
  single,
  type TrainerOptions,
  type TrainerState,
} from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { type FrozenTensors, mergedModel, nameOfMethod, type TrainableSpecs, type TrainableTensors, tuningOf } from "../methods/index.ts";
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

/** One evaluation on the validation part. */
export interface Selection {
  readonly step: number;
  readonly macroF1: number;
  readonly accuracy: number;
  /** Nats a text. */
  readonly loss: number;
}

export interface FitResult {
  readonly model: Model;
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

interface Position {
  readonly history: readonly Selection[];
  readonly best: number;
  readonly level: number | null;
  readonly spikes: number;
  readonly tokens: number;
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
async function withHead(base: Model, model: ModelConfig, device: Device, seed: number | string): Promise<unknown> {
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

async function copied(device: Device, from: unknown): Promise<unknown> {
  const tree = from as Tree<DeviceArray>;
  const arrays: DeviceArray[] = [];
  for (const a of treeLeaves<DeviceArray>(tree)) arrays.push(await device.array(await a.read(), a.dtype, a.shape));
  return treeFrom<DeviceArray, DeviceArray>(tree, arrays);
}
const dispose = (tree: unknown) => {
  for (const a of treeLeaves<DeviceArray>(tree as Tree<DeviceArray>)) a.dispose();
};

/** Scores of logits on texts whose classes are known. */
export function selectionOf(logits: readonly ArrayLike<number>[], labels: Int32Array, classes: readonly string[], step: number): Selection {
  const predicted = Int32Array.from(logits, greatest);
  const scores = classificationScores(confusion({ classes, truth: labels, predicted }));
  const loss = logits.reduce((s, row, i) => s - Math.log(Math.max(softmax(row)[labels[i]!]!, 1e-300)), 0) / labels.length;
  return { step, macroF1: scores.macro.f1, accuracy: scores.accuracy, loss };
}
const isBetter = (a: Selection, b: Selection, by: ClassifyOptions["select"]): boolean =>
  by === "loss" ? a.loss < b.loss : a.macroF1 > b.macroF1 || (a.macroF1 === b.macroF1 && a.loss < b.loss);

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: tune/*, train/*, nn/*; on abort the state is saved first. */
export async function fitClassifier(o: FitOptions): Promise<FitResult> {
  const { device, recipe, classes, train, validation } = o;
  const started = performance.now();
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
  const batchesIn = epochOf(lengths, widths, rows, `${recipe.seed}/epoch/0`).length;
  const steps = Math.max(1, Math.round(recipe.epochs * batchesIn));
  const evaluateEvery = Math.max(1, Math.floor(batchesIn / recipe.evaluations));
  const weightOf = classWeights(recipe.weights, classes, train.labels);

  const options: TrainerOptions<TrainableSpecs, Batch> = {
    device,
    specs: tuning.specs,
    loss: (trained, b, scale, still) => {
      const p = tuning.parameters(still as FrozenTensors, trained as TrainableTensors);
      const logits = textLogits(model, p, b.tokens, b.present, {
        rematerialise: recipe.rematerialise,
        ...(recipe.dropout > 0 ? { dropout: dropoutFrom(recipe.dropout, b.seed) } : {}),
      });
      return mul(sum(mul(negativeLogLikelihood(logits, b.targets), b.weights)), scale);
    },
    frozen,
    batch: {
      tokens: { shape: [rows, o.longest], dtype: "i32" },
      present: { shape: [rows, o.longest], dtype: "i32" },
      targets: { shape: [rows], dtype: "i32" },
      weights: { shape: [rows], dtype: "f32" },
      seed: { shape: [], dtype: "i32" },
    },
    optimizer: single(adamw({ beta2: 0.999, weightDecay: recipe.weightDecay })),
    rate: defaultRate(recipe),
    schedule: { ...recipe.schedule, warmup: Math.round(recipe.schedule.warmup * steps) },
    steps,
    clip: recipe.clip,
    seed: recipe.seed,
  };
  const found = await restore(o, options);
  if (found) dispose(trainable);
  const trainer = await createTrainer(found ? options : { ...options, start: trainable }, found?.state);
  const resumedFrom = trainer.state.step;
  const log = openMetricLog(o.folder, resumedFrom, o.now ?? Date.now, o.eventsFolder);
  const predictor = predictorOf({
    device,
    model,
    longest: o.longest,
    parameters: (trained: TrainableTensors, still: FrozenTensors) => tuning.parameters(still, trained),
  });
  const ask = (trees: readonly unknown[]) => predictor.predict(trees, validation.tokens, { ...(o.signal ? { signal: o.signal } : {}) });

  let history = [...(found?.position.history ?? [])];
  let bestAt = found?.position.best ?? -1;
  let best = found?.best;
  let bestLogits: readonly Float64Array[] | undefined;
  let tokens = found?.position.tokens ?? 0;
  let [batches, epoch] = [epochOf(lengths, widths, rows, `${recipe.seed}/epoch/0`), 0];
  const isOver = () => recipe.patience > 0 && history.length - 1 - bestAt >= recipe.patience;
  const save = () =>
    saveCheckpoint(o.folder, {
      recipe: o.identity,
      step: trainer.state.step,
      arrays: { parameters: trainer.state.parameters, optimizer: trainer.state.optimizer, ...(best ? { best } : {}) },
      state: { history, best: bestAt, level: trainer.state.level, spikes: trainer.state.spikes, tokens } as never,
    });
  let savedAt = performance.now();
  const window = { loss: 0, steps: 0, ms: 0, tokens: 0 };
  try {
    while (trainer.state.step < steps && !isOver()) {
      const { step } = trainer.state;
      const at = Math.floor(step / batchesIn);
      if (at !== epoch) [batches, epoch] = [epochOf(lengths, widths, rows, `${recipe.seed}/epoch/${at}`), at];
      const batch = batches[step % batchesIn]!;
      const laid = layTexts(train.tokens, batch, rows);
      const weights = Float32Array.from({ length: rows }, (_, i) =>
        i < batch.texts.length ? weightOf[train.labels[batch.texts[i]!]!]! : 0,
      );
      const report = await trainer.step(
        [
          {
            arrays: {
              ...laid,
              targets: Int32Array.from({ length: rows }, (_, i) => (i < batch.texts.length ? train.labels[batch.texts[i]!]! : 0)),
              weights,
              seed: Int32Array.of(step),
            },
            shapes: { tokens: [rows, batch.width], present: [rows, batch.width] },
            weight: weights.reduce((a, b) => a + b, 0),
            documents: batch.texts.map(i => train.ids[i]!),
          },
        ],
        o.signal,
      );
      const size = batch.texts.reduce((n, i) => n + lengths[i]!, 0);
      tokens += size;
      window.loss += report.loss;
      window.steps++;
      window.ms += report.totalMs;
      window.tokens += size;
      const isLast = report.step === steps;
      let selection: Selection | undefined;
      if (isLast || report.step % evaluateEvery === 0) {
        const logits = await ask([trainer.state.parameters, frozen]);
        selection = selectionOf(logits, validation.labels, classes, report.step);
        history = [...history, selection];
        if (bestAt < 0 || isBetter(selection, history[bestAt]!, recipe.select)) {
          bestAt = history.length - 1;
          if (best) dispose(best);
          best = await copied(device, trainer.state.parameters);
          bestLogits = logits;
        }
      }
      if (selection || report.step % 10 === 0) {
        log.write({
          step: report.step,
          tokens,
          loss: window.loss / window.steps,
          learningRate: report.learningRate,
          tokensPerSecond: Math.round(window.tokens / (window.ms / 1000)),
          gradientNorm: report.gradientNorm,
          ...(selection ? { heldOut: selection.loss } : {}),
        });
        Object.assign(window, { loss: 0, steps: 0, ms: 0, tokens: 0 });
      }
      say(o, report, history, steps, (performance.now() - started) / (report.step - resumedFrom));
      if (!isLast && performance.now() - savedAt > recipe.checkpointSeconds * 1000) {
        await save();
        savedAt = performance.now();
      }
      o.signal?.throwIfAborted();
    }
  } catch (error) {
    if (o.signal?.aborted && trainer.state.step > resumedFrom) await save();
    throw error;
  }
  const chosen = best as typeof trainable;
  // of a run that was resumed, the best may lie before
  const validationLogits = bestLogits ?? (await ask([chosen, frozen]));
  predictor.dispose();
  const stepsDone = trainer.state.step;
  trainer.dispose();
  return {
    model: modelOf(model, await mergedModel(tuning, frozen, chosen, device)),
    points: log.points(),
    steps: stepsDone,
    stoppedEarly: stepsDone < steps,
    resumedFrom,
    best: history[bestAt]!,
    history,
    validationLogits,
    trained: treeLeaves<DeviceArray>(chosen as unknown as Tree<DeviceArray>).reduce((n, a) => n + a.shape.reduce((x, y) => x * y, 1), 0),
    totalMs: performance.now() - started,
  };
}

/** Reads a checkpoint back into what the trainer and the loop start from. */
async function restore(o: FitOptions, t: TrainerOptions<TrainableSpecs, Batch>) {
  const found = await latestCheckpoint(o.folder, o.identity, p => o.onProblem?.(p));
  if (!found) return undefined;
  try {
    const position = found.state as unknown as Position;
    const parameters = await loadTree(t.specs, found.arrays, o.device, { prefix: "parameters" });
    const optimizer = (await loadTree(optimizerStateShapes(t.optimizer, t.specs), found.arrays, o.device, {
      prefix: "optimizer",
    })) as TrainerState<TrainableSpecs>["optimizer"];
    const best: unknown = position.best >= 0 ? await loadTree(t.specs, found.arrays, o.device, { prefix: "best" }) : undefined;
    return { state: { parameters, optimizer, step: found.step, level: position.level, spikes: position.spikes }, position, best };
  } finally {
    await found.arrays.close();
  }
}

function say(
  o: FitOptions,
  report: { readonly step: number; readonly loss: number },
  history: readonly Selection[],
  steps: number,
  msPerStep: number,
): void {
  const last = history.at(-1);
  o.progress({
    stage: "tune",
    done: report.step / steps,
    leftMs: msPerStep * (steps - report.step),
    message: `step ${report.step} of ${steps}  loss ${report.loss.toFixed(3)}${last ? `  validation F1 ${last.macroF1.toFixed(3)}` : ""}`,
    values: { step: report.step, steps, loss: report.loss, ...(last ? { validationF1: last.macroF1, validationLoss: last.loss } : {}) },
  });
}
