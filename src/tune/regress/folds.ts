/** Cross-validation of a recipe that reads numbers off texts: its folds, the training on one of them, and what the mean of the rest scores. */
import { z } from "zod";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import { keyOptionsOfRecipe } from "../../train/index.ts";
import { foldsOptions, placeOptions, runFold, seedOption } from "../cross-validation/fold-run.ts";
import type { Foldable } from "../cross-validation/folds.ts";
import { type FoldParts, partsOf, readFold, type Scores, writeFolds, writeScores } from "../cross-validation/parts.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { type MeasuredText, readUndividedMeasured } from "./examples.ts";
import { fitRegression } from "./fit.ts";
import { regressOptions, type TargetOptions, targetOptions, targetsOf } from "./options.ts";
import { regressionOf } from "./report.ts";
import { numberTexts } from "./stage.ts";

type MeasuredFold = MeasuredText & Foldable;

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

function scoresOf(test: readonly MeasuredText[], predicted: readonly number[]): Scores {
  const answers = { truth: test.map(t => t.value), predicted };
  return { mae: regressionOf.mae(answers), rmse: regressionOf.rmse(answers), r2: regressionOf.r2(answers) };
}

const round = (x: number): number => Number(x.toPrecision(6));
const runOptions = z.strictObject({ name: z.string(), recipe: regressOptions, ...placeOptions, seed: seedOption });

/** Trains by the recipe without a fold, with a seed of its own, and scores the fold; the model is not kept. Errors: those of `regressStage`. */
export const numberFoldStage = (around: TuneSurroundings): Stage<"base" | "documents" | "folds", typeof runOptions> =>
  stage({
    name: "number-fold",
    version: 2,
    inputs: { base: "model", documents: "documents", folds: "folds" },
    options: runOptions,
    keyOptions: keyOptionsOfRecipe,
    output: "fold-scores",
    async run(context) {
      const { inputs, options, progress } = context;
      const { name, recipe, repeat, fold, seed } = options;
      progress({ stage: "cross-validate", message: "reading texts" });
      const parts = await readNumberFold(inputs.documents, inputs.folds, targetsOf(recipe), fold);
      const scores = await runFold(around, context, parts, {
        tokens: numberTexts,
        fit: (given, train, validation) => fitRegression({ ...given, recipe: { ...recipe, seed }, train, validation }),
        judge(test, numbers, { deviation }) {
          const predicted = numbers.map(row => row[0]!);
          const own = scoresOf(test, predicted);
          return {
            scores: own,
            loss: (own.rmse! / deviation) ** 2,
            lines: test.map((t, i) => ({ id: t.id, truth: t.value, predicted: round(predicted[i]!) })),
          };
        },
      });
      return { name, repeat, fold, seed, documents: parts.test.length, mae: round(scores.mae!), rmse: round(scores.rmse!) };
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
