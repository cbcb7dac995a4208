/** Tuning of a multi-label classifier as a stage: a model and labelled documents in, a model artifact out (weights, tokenizer, recipe, validation). */
import { type ClassifierConfig, labelProbabilities, type Model, withClassifier } from "../../nn/index.ts";
import type { HeadTexts } from "../text-head/fit.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { headStage } from "../text-head/stage.ts";
import { chooseThreshold, fitScale, type KnownOutputs } from "./calibration.ts";
import { type MultiLabelText, readMultiLabel, readMultiLabelTest } from "./examples.ts";
import { fitMultiLabel, type MultiLabelTexts } from "./fit.ts";
import { type MultiLabelOptions, multiLabelOptions, multiLabelTargetsOf } from "./options.ts";

const withTruths = (texts: HeadTexts, examples: readonly MultiLabelText[]): MultiLabelTexts => ({
  ...texts,
  truths: examples.map(e => e.truth),
  targets: examples.map(e => e.targets),
});

const round = (x: number): number => Math.round(x * 1e4) / 1e4;

/** Outputs of one label for the texts of which it is known. */
const ofLabel = (outputs: readonly ArrayLike<number>[], texts: readonly MultiLabelText[], k: number): KnownOutputs => {
  const known = texts.flatMap((t, i) => (t.truth[k] === undefined ? [] : [i]));
  return { outputs: known.map(i => outputs[i]![k]!), holds: known.map(i => texts[i]!.truth[k] === 1) };
};

/** Scales and thresholds of the labels, from the validation set's logits. */
function calibrationOf(logits: readonly ArrayLike<number>[], texts: readonly MultiLabelText[], recipe: MultiLabelOptions) {
  const { labels, calibration, threshold, thresholds } = recipe;
  const scales = labels.map((_, k) => fitScale(ofLabel(logits, texts, k), calibration));
  const probabilities = logits.map(row => labelProbabilities({ scales }, row));
  const chosen = labels.map((label, k) => chooseThreshold(thresholds[label] ?? threshold, ofLabel(probabilities, texts, k)));
  return { scales, probabilities, thresholds: chosen };
}

export const multiLabelStage = (around: TuneSurroundings) =>
  headStage(
    {
      name: "multilabel",
      version: 1,
      recipe: multiLabelOptions,
      output: "classes",
      async read(documents, recipe) {
        const targets = multiLabelTargetsOf(recipe);
        const parts = await readMultiLabel(documents, targets);
        // only looked at: a held-out side that cannot be reported on is refused before anything is trained
        await readMultiLabelTest(documents, targets);
        return { ...parts, recipe };
      },
      texts: withTruths,
      fit: fitMultiLabel,
      tell({ model, outputs, history, best }, { train, validation, leftOut, recipe }) {
        const { scales, probabilities, thresholds } = calibrationOf(outputs, validation, recipe);
        const { classifier } = model.config as { readonly classifier?: ClassifierConfig };
        const positives = (part: readonly MultiLabelText[]) =>
          Object.fromEntries(recipe.labels.map((label, k) => [label, part.reduce((n, t) => n + (t.truth[k] === 1 ? 1 : 0), 0)]));
        const chosen = history[best]!;
        const lines = validation.map((t, i) => ({
          id: t.id,
          labels: recipe.labels.filter((_, k) => t.truth[k] === 1),
          scores: probabilities[i]!.map(round),
        }));
        return {
          model: { ...model, ...withClassifier(model, { ...classifier!, scales, thresholds }) } as Model,
          tuning: { labels: recipe.labels, train: positives(train), validation: positives(validation), leftOut },
          counts: { labels: recipe.labels.length },
          scores: { validationAveragePrecision: round(chosen.averagePrecision!), bestStep: chosen.step },
          files: { "validation.jsonl": lines.map(line => `${JSON.stringify(line)}\n`).join("") },
        };
      },
    },
    around,
  );
