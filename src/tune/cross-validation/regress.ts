/** Cross-validation of a recipe that reads numbers off texts: its folds, the training on one of them, and what the mean of the rest scores. */
import { join } from "node:path";
import { z } from "zod";
import { hashOf } from "../../base/index.ts";
import { disposeTree, loadModel } from "../../nn/index.ts";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import { keyOptionsOfRecipe, metricLine, metricsFile, withoutHabits } from "../../train/index.ts";
import { predictorOf } from "../classify/predict.ts";
import type { TuneSurroundings } from "../classify/stage.ts";
import { tuneErrors } from "../errors.ts";
import { disposeTuned, givenBackOnFailure } from "../methods/index.ts";
import { type Measured, readUndividedMeasured } from "../regress/examples.ts";
import { fitRegression } from "../regress/fit.ts";
import { regressOptions, type TargetOptions, targetOptions, targetsOf } from "../regress/options.ts";
import { regressionOf } from "../regress/report.ts";
import { asTokens } from "../regress/stage.ts";
import { foldsOptions, placeOptions, seedOption } from "./classify.ts";
import type { Foldable } from "./folds.ts";
import { type FoldParts, partsOf, readFold, type Scores, writeFolds, writeScores } from "./parts.ts";

type MeasuredFold = Measured & Foldable;

async function readAll(documents: ArtifactReader, targets: TargetOptions) {
  const { all, validation } = await readUndividedMeasured(documents, targets);
  return { all: all.map((m): MeasuredFold => ({ ...m, label: 0 })), validation };
}

/** The texts that each fold of a repeat is scored on. Errors: tune/folds, tune/labels. */
export const numberFoldsStage = stage({
  name: "number-folds",
  version: 1,
  inputs: { documents: "documents" },
  options: z.strictObject({ targets: targetOptions, ...foldsOptions }),
  output: "folds",
  async run({ inputs: { documents }, options: { targets, folds, repeat }, output }) {
    const { all, validation } = await readAll(documents, targets);
    // a spread of fewer than three numbers says nothing
    const checked = { classes: [targets.label], least: { train: 3, validation: 3, test: 3 }, place: `${documents.id}: ${targets.label}` };
    return writeFolds(output, all, validation, { folds, repeat }, targets, checked);
  },
});

const readNumberFold = async (
  documents: ArtifactReader,
  folds: ArtifactReader,
  targets: TargetOptions,
  fold: number,
): Promise<FoldParts<MeasuredFold>> => partsOf((await readAll(documents, targets)).all, await readFold(folds, fold), targets);

function scoresOf(test: readonly Measured[], predicted: readonly number[]): Scores {
  const answers = { truth: test.map(t => t.value), predicted };
  return { mae: regressionOf.mae(answers), rmse: regressionOf.rmse(answers), r2: regressionOf.r2(answers) };
}

const round = (x: number): number => Number(x.toPrecision(6));
const runOptions = z.strictObject({ name: z.string(), recipe: regressOptions, ...placeOptions, seed: seedOption });

/** Trains by the recipe without a fold, with a seed of its own, and scores the fold; the model is not kept. Errors: those of `regressStage`. */
export const numberFoldStage = (around: TuneSurroundings): Stage<"base" | "documents" | "folds", typeof runOptions> =>
  stage({
    name: "number-fold",
    version: 1,
    inputs: { base: "model", documents: "documents", folds: "folds" },
    options: runOptions,
    keyOptions: keyOptionsOfRecipe,
    output: "fold-scores",
    async run({ inputs, options: { name, recipe, repeat, fold, seed }, output, runData, progress, signal, scratch }) {
      progress({ stage: "cross-validate", message: "reading texts" });
      const { train, validation, test } = await readNumberFold(inputs.documents, inputs.folds, targetsOf(recipe), fold);
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
        fitRegression({
          device,
          base,
          recipe: { ...recipe, seed },
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
        const found = await predictor.predict([model.parameters], tokens, {
          signal,
          onProgress: done => progress({ stage: "cross-validate", done, message: "texts of the fold" }),
        });
        const predicted = found.map(row => row[0]!);
        const scores = scoresOf(test, predicted);
        await writeScores(output, {
          repeat,
          fold,
          seed,
          trainSize: train.length + validation.length,
          testSize: test.length,
          scores: { [name]: scores },
          loss: (scores.rmse! / result.deviation) ** 2,
        });
        const lines = test.map((t, i) => ({ id: t.id, truth: t.value, predicted: round(predicted[i]!) }));
        await output.write("predictions.jsonl", lines.map(l => `${JSON.stringify(l)}\n`).join(""));
        runData.write(metricsFile, result.points.map(metricLine).join(""));
        return { name, repeat, fold, seed, documents: test.length, mae: round(scores.mae!), rmse: round(scores.rmse!) };
      } finally {
        predictor.dispose();
        disposeTuned(tuned);
        disposeTree(model.parameters);
      }
    },
  });

/** What always answering the mean number of the rest scores on a fold. */
export const numberFoldBaselineStage = stage({
  name: "number-fold-baseline",
  version: 1,
  inputs: { documents: "documents", folds: "folds" },
  options: z.strictObject({ targets: targetOptions, ...placeOptions }),
  output: "fold-scores",
  async run({ inputs, options: { targets, repeat, fold }, output }) {
    const { train, validation, test } = await readNumberFold(inputs.documents, inputs.folds, targets, fold);
    const known = [...train, ...validation];
    const mean = known.reduce((s, m) => s + m.value, 0) / known.length;
    const scores = scoresOf(
      test,
      test.map(() => mean),
    );
    await writeScores(output, { repeat, fold, trainSize: known.length, testSize: test.length, scores: { "training mean": scores } });
    return { mae: round(scores.mae!), rmse: round(scores.rmse!) };
  },
});
