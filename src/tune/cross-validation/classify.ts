/** Cross-validation of a classifier's recipe: its folds, the training on one of them, and the baselines' scores of the same fold. */
import { join } from "node:path";
import { z } from "zod";
import { hashOf } from "../../base/index.ts";
import { classificationScores, confusion, textClassifierNames, textClassifiers } from "../../evaluate/index.ts";
import { disposeTree, loadModel } from "../../nn/index.ts";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import { keyOptionsOfRecipe, metricLine, metricsFile, withoutHabits } from "../../train/index.ts";
import { type DescribedExample, readUndivided } from "../classify/examples.ts";
import { fitClassifier } from "../classify/fit.ts";
import { classifyOptions, type LabelOptions, labelOptions, labelsOf } from "../classify/options.ts";
import { greatest, predictorOf, softmax } from "../classify/predict.ts";
import { asTokens, type TuneSurroundings } from "../classify/stage.ts";
import { tuneErrors } from "../errors.ts";
import { disposeTuned, givenBackOnFailure } from "../methods/index.ts";
import { type FoldParts, partsOf, readFold, type Scores, writeFolds, writeScores } from "./parts.ts";

const whole = z.number().int().min(1);
/** Which training of a cross-validation. */
export const placeOptions = { repeat: whole, fold: whole };
/** Which folds: 1 is the validation part alone. */
export const foldsOptions = { folds: whole, repeat: whole };
export const seedOption = z.union([z.number().int(), z.string()]);

/** The texts that each fold of a repeat is scored on. Errors: tune/folds, tune/labels. */
export const classFoldsStage = stage({
  name: "class-folds",
  version: 1,
  inputs: { documents: "documents" },
  options: z.strictObject({ labels: labelOptions, ...foldsOptions }),
  output: "folds",
  async run({ inputs: { documents }, options: { labels, folds, repeat }, output }) {
    const { classes, all, validation } = await readUndivided(documents, labels);
    const checked = { classes, least: { train: 2, validation: 1, test: 1 }, place: `${documents.id}: ${labels.label}` };
    return writeFolds(output, all, validation, { folds, repeat }, labels, checked);
  },
});

const fileOfPredictions = "predictions.jsonl";

interface ClassFold extends FoldParts<DescribedExample> {
  readonly classes: readonly string[];
}
async function readClassFold(documents: ArtifactReader, folds: ArtifactReader, labels: LabelOptions, fold: number): Promise<ClassFold> {
  const { classes, all } = await readUndivided(documents, labels);
  return { classes, ...partsOf(all, await readFold(folds, fold), labels) };
}

function scoresOf(classes: readonly string[], test: readonly DescribedExample[], predicted: Int32Array): Scores {
  const truth = Int32Array.from(test, e => e.label);
  const { macro, accuracy, balancedAccuracy } = classificationScores(confusion({ classes, truth, predicted }));
  return { macroF1: macro.f1, accuracy, balancedAccuracy };
}

/** The least probability that counts, as where a search judges by probabilities that are kept. */
const least = 5e-5;
const round = (x: number): number => Math.round(x * 1e4) / 1e4;
const runOptions = z.strictObject({ name: z.string(), recipe: classifyOptions, ...placeOptions, seed: seedOption });

/** Trains by the recipe without a fold, with a seed of its own, and scores the fold; the model is not kept. Errors: those of `classifyStage`. */
export const classFoldStage = (around: TuneSurroundings): Stage<"base" | "documents" | "folds", typeof runOptions> =>
  stage({
    name: "class-fold",
    version: 1,
    inputs: { base: "model", documents: "documents", folds: "folds" },
    options: runOptions,
    keyOptions: keyOptionsOfRecipe,
    output: "fold-scores",
    async run({ inputs, options: { name, recipe, repeat, fold, seed }, output, runData, progress, signal, scratch }) {
      progress({ stage: "cross-validate", message: "reading texts" });
      const { classes, train, validation, test } = await readClassFold(inputs.documents, inputs.folds, labelsOf(recipe), fold);
      const tokenizer = await around.tokenizerOf(inputs.base);
      const device = around.device();
      const base = await loadModel(inputs.base, device);
      if (base.family === "encoder-decoder") {
        disposeTree(base.parameters);
        throw tuneErrors.fail("base", {
          place: inputs.base.id,
          expected: "a decoder or an encoder",
          received: `a model of family "${base.family}"`,
        });
      }
      const longest = Math.min(recipe.length, base.config.classifier?.longest ?? base.config.context);
      const lasting = { ...withoutHabits(recipe), seed };
      const { digest } = inputs.folds;
      const identity = hashOf({
        base: inputs.base.digest,
        documents: inputs.documents.digest,
        folds: digest,
        repeat,
        fold,
        recipe: lasting,
      } as never);
      const result = await givenBackOnFailure([base.parameters], async () =>
        fitClassifier({
          device,
          base,
          recipe: { ...recipe, seed },
          classes,
          train: await asTokens(tokenizer, train, longest, signal),
          validation: await asTokens(tokenizer, validation, longest, signal),
          longest,
          identity,
          folder: scratch,
          ...(around.eventsFolder === undefined ? {} : { eventsFolder: join(around.eventsFolder, `${name}-fold-${identity.slice(0, 8)}`) }),
          progress,
          signal,
          ...(around.onProblem ? { onProblem: around.onProblem } : {}),
        }),
      );
      const { model, tuned } = result;
      const predictor = predictorOf({ device, model, longest, parameters: (p: unknown) => p });
      try {
        const { tokens } = await asTokens(tokenizer, test, longest, signal);
        const logits = await predictor.predict([model.parameters], tokens, {
          signal,
          onProgress: done => progress({ stage: "cross-validate", done, message: "texts of the fold" }),
        });
        const predicted = Int32Array.from(logits, greatest);
        const surprise = test.map((e, i) => -Math.log2(Math.max(least, softmax(logits[i]!)[e.label]!)));
        const scores = scoresOf(classes, test, predicted);
        await writeScores(output, {
          repeat,
          fold,
          seed,
          trainSize: train.length + validation.length,
          testSize: test.length,
          scores: { [name]: scores },
          loss: surprise.reduce((a, b) => a + b, 0) / test.length,
        });
        const lines = test.map((e, i) => ({
          id: e.id,
          label: classes[e.label],
          predicted: classes[predicted[i]!],
          scores: softmax(logits[i]!).map(round),
        }));
        await output.write(fileOfPredictions, lines.map(l => `${JSON.stringify(l)}\n`).join(""));
        runData.write(metricsFile, result.points.map(metricLine).join(""));
        return { name, repeat, fold, seed, documents: test.length, macroF1: round(scores.macroF1!), accuracy: round(scores.accuracy!) };
      } finally {
        predictor.dispose();
        disposeTuned(tuned);
        disposeTree(model.parameters);
      }
    },
  });

/** The baselines' scores of a fold; they learn from the part that selects too, having nothing to select. */
export const classFoldBaselinesStage = stage({
  name: "class-fold-baselines",
  version: 1,
  inputs: { documents: "documents", folds: "folds" },
  options: z.strictObject({ labels: labelOptions, baselines: z.array(z.enum(textClassifierNames)), ...placeOptions }),
  output: "fold-scores",
  async run({ inputs, options: { labels, baselines, repeat, fold }, output, progress, signal }) {
    const { classes, train, validation, test } = await readClassFold(inputs.documents, inputs.folds, labels, fold);
    const known = [...train, ...validation].sort((a, b) => (a.id < b.id ? -1 : 1));
    const given = { texts: known.map(e => e.text), labels: known.map(e => e.label), classes: classes.length };
    const scores: Record<string, Scores> = {};
    for (const [i, name] of baselines.entries()) {
      signal.throwIfAborted();
      progress({ stage: "cross-validate", done: i / baselines.length, message: name });
      // let the terminal and Ctrl-C have their turn between long computations
      await new Promise(resolve => setImmediate(resolve));
      const classify = textClassifiers[name](given);
      scores[name] = scoresOf(
        classes,
        test,
        Int32Array.from(test, e => greatest(classify(e.text))),
      );
    }
    await writeScores(output, { repeat, fold, trainSize: known.length, testSize: test.length, scores });
    return Object.fromEntries(Object.entries(scores).map(([name, s]) => [name, round(s.macroF1!)]));
  },
});
