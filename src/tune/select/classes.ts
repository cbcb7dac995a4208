/**
 * A base as a classifier before it is one, of either family: what a linear head on its frozen states tells of the user's classes (a probe: Alain and
 * Bengio 2016), what a few steps of the configured recipe make of it, how long a text takes, what its weights need. All on the train side: what is
 * held out chooses no base.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defined, type Progress } from "../../base/index.ts";
import { denseLogisticRegression } from "../../evaluate/index.ts";
import { disposeTree, type Model, type ModelConfig, textStates, withClassifier } from "../../nn/index.ts";
import { bytesOf, type Device, type DeviceArray, sizeOf } from "../../tensor/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import type { Examples, LabelledExample } from "../classify/examples.ts";
import { fitClassifier } from "../classify/fit.ts";
import type { ClassifyOptions } from "../classify/options.ts";
import { classTexts } from "../classify/stage.ts";
import { tuneErrors } from "../errors.ts";
import { standardised } from "../frozen/probe.ts";
import { disposeTuned } from "../methods/index.ts";
import { leavesOf } from "../methods/paths.ts";
import { latencySample, medianPass } from "../study/latency.ts";
import { epochOf, headTokens, widthsOf } from "../text-head/batches.ts";
import { greatestIndex, textReader } from "../text-head/predict.ts";

export interface ClassTexts extends Pick<Examples, "classes"> {
  readonly train: readonly LabelledExample[];
  readonly validation: readonly LabelledExample[];
}

interface ClassCandidateGiven {
  readonly device: Device;
  /** Its arrays are taken over. */
  readonly base: Model;
  readonly name: string;
  readonly tokenizer: Pick<Tokenizer, "encode">;
  readonly recipe: ClassifyOptions;
  readonly texts: ClassTexts;
  /** Steps of the recipe; 0 for none. */
  readonly steps: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface ClassCandidate {
  readonly family: "decoder" | "encoder";
  readonly parameters: number;
  /** Of its weights, as they lie in memory. */
  readonly memoryBytes: number;
  /** Median milliseconds of a text. */
  readonly latencyMs: number;
  /** Classes of the validation texts as the head on frozen states tells them, and after the steps. */
  readonly probed: Int32Array;
  readonly tuned?: Int32Array;
  /** Why there were no steps. */
  readonly untrained?: string;
}

/** Strength of the penalty: weights on states of deviation 1 are many beside the texts. */
const penalty = { c: 0.1 } as const;

/** Classes that logistic regression tells from states, each of mean 0 and deviation 1 on what is trained on. */
function probe(train: readonly Float64Array[], labels: readonly number[], classes: number, asked: readonly Float64Array[]): Int32Array {
  const { rows, scaled } = standardised(train);
  const model = denseLogisticRegression(rows, labels, classes, penalty);
  return Int32Array.from(asked, x => greatestIndex(model.scores(scaled(x))));
}

/** Classes after a few steps of the recipe. Parameters are taken over. */
async function tunedClasses(o: ClassCandidateGiven, longest: number): Promise<Int32Array> {
  const { recipe, steps, device, texts } = o;
  const train = await classTexts(o.tokenizer, texts.train, longest, o.signal);
  const rows = Math.min(recipe.batch, train.tokens.length);
  const batches = epochOf(
    train.tokens.map(t => t.length),
    widthsOf(longest),
    rows,
    `${recipe.seed}/epoch/0`,
  ).length;
  const folder = await mkdtemp(join(tmpdir(), "loam-select-"));
  try {
    const { model, validationLogits, ...tuned } = await fitClassifier({
      device,
      base: o.base,
      recipe: { ...recipe, epochs: steps / batches, evaluations: 1, patience: 0, checkpointSeconds: Number.MAX_SAFE_INTEGER },
      classes: texts.classes,
      train,
      validation: await classTexts(o.tokenizer, texts.validation, longest, o.signal),
      longest,
      identity: "select",
      folder,
      progress: o.progress,
      signal: o.signal,
    });
    disposeTuned(tuned);
    disposeTree(model.parameters);
    return Int32Array.from(validationLogits, greatestIndex);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Measures it. Errors: tune/base for a family that reads no single texts; abort. */
export async function measureClassCandidate(o: ClassCandidateGiven): Promise<ClassCandidate> {
  const { base, device, recipe, texts, signal } = o;
  let owned = true;
  try {
    if (base.family === "encoder-decoder")
      throw tuneErrors.fail("base", { place: o.name, expected: "a decoder or an encoder", received: `a model of family "${base.family}"` });
    const longest = Math.min(recipe.length, base.config.classifier?.longest ?? base.config.context);
    const model = withClassifier({ family: base.family, config: base.config } as ModelConfig, {
      labels: [...texts.classes],
      kind: "one",
      longest,
      ...defined({ pooling: recipe.pooling }),
    });
    const arrays = [...leavesOf<DeviceArray>(base.parameters).values()];
    const told = {
      family: base.family,
      parameters: arrays.reduce((n, a) => n + sizeOf(a.shape), 0),
      memoryBytes: arrays.reduce((n, a) => n + bytesOf(a.shape, a.dtype), 0),
    };
    const reader = (rows: number) =>
      textReader({
        device,
        longest,
        rows,
        parameters: (p: unknown) => p,
        read: (p, tokens, present) => textStates(model, p, tokens, present),
      });
    const one = reader(1);
    const sample = latencySample(texts.validation.map(e => e.text)).map(text => headTokens(o.tokenizer, text, longest));
    const latencyMs = await medianPass(one, base.parameters, sample, { signal }).finally(() => one.dispose());

    const all = [...texts.train, ...texts.validation];
    const many = reader(Math.min(16, all.length));
    const states = await many
      .predict([base.parameters], (await classTexts(o.tokenizer, all, longest, signal)).tokens, {
        signal,
        onProgress: done => o.progress({ stage: "select", done, message: "states of texts" }),
      })
      .finally(() => many.dispose());
    const cut = texts.train.length;
    const probed = probe(
      states.slice(0, cut),
      texts.train.map(e => e.label),
      texts.classes.length,
      states.slice(cut),
    );
    const found = { ...told, latencyMs, probed };
    if (o.steps === 0) return found;
    try {
      owned = false;
      return { ...found, tuned: await tunedClasses(o, longest) };
    } catch (error) {
      signal.throwIfAborted();
      return { ...found, untrained: (error as Error).message };
    }
  } finally {
    if (owned) disposeTree(base.parameters);
  }
}
