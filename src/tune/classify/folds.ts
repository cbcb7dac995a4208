/** Cross-validation of a classifier's recipe: its folds, the training on one of them, and the baselines' scores of the same fold. */
import { z } from "zod";
import { classificationScores, confusion, textClassifierNames, textClassifiers } from "../../evaluate/index.ts";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import { keyOptionsOfRecipe } from "../../train/index.ts";
import { foldsOptions, placeOptions, runFold, seedOption } from "../cross-validation/fold-run.ts";
import { type FoldParts, partsOf, readFold, type Scores, writeFolds, writeScores } from "../cross-validation/parts.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { greatestIndex, probabilitiesOf } from "../text-head/predict.ts";
import { type DescribedExample, readUndivided } from "./examples.ts";
import { fitClassifier } from "./fit.ts";
import { classifyOptions, type LabelOptions, labelOptions, labelsOf } from "./options.ts";
import { classTexts } from "./stage.ts";

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

interface ClassFold extends FoldParts<DescribedExample> {
  readonly classes: readonly string[];
}
async function readClassFold(documents: ArtifactReader, folds: ArtifactReader, labels: LabelOptions, fold: number): Promise<ClassFold> {
  const { classes, all } = await readUndivided(documents, labels);
  return { classes, ...partsOf(all, await readFold(folds, fold), labels) };
}

function scoresOf(classes: readonly string[], test: readonly { readonly label: number }[], predicted: Int32Array): Scores {
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
    version: 3,
    inputs: { base: "model", documents: "documents", folds: "folds" },
    options: runOptions,
    keyOptions: keyOptionsOfRecipe,
    output: "fold-scores",
    async run(context) {
      const { inputs, options, progress } = context;
      const { name, recipe, repeat, fold, seed } = options;
      progress({ stage: "cross-validate", message: "reading texts" });
      const { classes, ...parts } = await readClassFold(inputs.documents, inputs.folds, labelsOf(recipe), fold);
      const scores = await runFold(around, context, parts, {
        tokens: classTexts,
        fit: (given, train, validation) => fitClassifier({ ...given, recipe: { ...recipe, seed }, classes, train, validation }),
        judge(test, logits) {
          const predicted = Int32Array.from(logits, greatestIndex);
          const surprise = test.map((e, i) => -Math.log2(Math.max(least, probabilitiesOf(logits[i]!)[e.label]!)));
          return {
            scores: scoresOf(classes, test, predicted),
            loss: surprise.reduce((a, b) => a + b, 0) / test.length,
            lines: test.map((e, i) => ({
              id: e.id,
              label: classes[e.label],
              predicted: classes[predicted[i]!],
              scores: probabilitiesOf(logits[i]!).map(round),
            })),
          };
        },
      });
      const { macroF1, accuracy } = scores;
      return { name, repeat, fold, seed, documents: parts.test.length, macroF1: round(macroF1!), accuracy: round(accuracy!) };
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
        Int32Array.from(test, e => greatestIndex(classify(e.text))),
      );
    }
    await writeScores(output, { repeat, fold, trainSize: known.length, testSize: test.length, scores });
    return Object.fromEntries(Object.entries(scores).map(([name, s]) => [name, round(s.macroF1!)]));
  },
});
