/** Tuning of a classifier as a stage: a model and labelled documents in, a model artifact out (weights, tokenizer, recipe, validation). */
import type { DocumentAttributes } from "../../data/index.ts";
import type { CostRule, FairnessGroups } from "../../evaluate/index.ts";
import { type ClassifierConfig, type Model, withClassifier } from "../../nn/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import { ownersOf } from "../privacy/owners.ts";
import type { HeadTexts } from "../text-head/fit.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { probabilitiesOf } from "../text-head/predict.ts";
import { headStage } from "../text-head/stage.ts";
import { headTexts } from "../text-head/tokens.ts";
import { type LabelledExample, readExamples, readTest } from "./examples.ts";
import { fitClassifier, type TokenTexts } from "./fit.ts";
import { checkGroupThresholds, type GroupThresholdRule } from "./group-thresholds.ts";
import { checkGroups } from "./groups.ts";
import { classifyOptions } from "./options.ts";
import { calibrating } from "./temperature.ts";
import { positiveIn, validationFile } from "./threshold.ts";

const labelled = (texts: HeadTexts, examples: readonly (LabelledExample & { readonly attributes?: DocumentAttributes })[]): TokenTexts => ({
  ...texts,
  attributes: examples.map(e => e.attributes ?? {}),
  labels: Int32Array.from(examples, e => e.label),
});

/** Texts as the model reads them. */
export const classTexts = async (
  tokenizer: Pick<Tokenizer, "encode">,
  examples: readonly (LabelledExample & { readonly attributes?: DocumentAttributes })[],
  longest: number,
  signal?: AbortSignal,
): Promise<TokenTexts> => labelled(await headTexts(tokenizer, examples, longest, signal), examples);

const round = (x: number): number => Math.round(x * 1e4) / 1e4;

/** `costs`, `thresholds`: what will choose a threshold; a class, or a group that the texts do not have is refused before anything is trained. */
export const classifyStage = (
  around: TuneSurroundings & {
    readonly costs?: Pick<CostRule, "positive"> | undefined;
    readonly groups?: FairnessGroups | undefined;
    readonly thresholds?: GroupThresholdRule | undefined;
  },
) =>
  headStage(
    {
      name: "classify",
      version: 6,
      recipe: classifyOptions,
      output: "classes",
      async read(documents, recipe) {
        const parts = await readExamples(documents, recipe);
        if (around.costs) positiveIn(around.costs, parts.classes);
        if (around.thresholds) checkGroupThresholds(around.thresholds, parts.validation, parts.classes, `${documents.id}: thresholds`);
        // only looked at: a held-out side that cannot be reported on is refused before anything is trained
        const test = await readTest(documents, recipe, parts.classes);
        if (around.groups) checkGroups(around.groups, test, parts.classes, `${documents.id}: groups`);
        return parts;
      },
      texts: labelled,
      fit: (run, { classes, train }) =>
        fitClassifier({ ...run, train: { ...run.train, owners: ownersOf(run.recipe.privacy, train) }, classes }),
      tell({ model, validationLogits, best, privacy }, { classes, train, validation, leftOut }) {
        const labels = validation.map(e => e.label);
        const temperature = calibrating(validationLogits, labels, classes.length);
        const { classifier } = model.config as { readonly classifier?: ClassifierConfig };
        const counts = (part: readonly LabelledExample[]) =>
          Object.fromEntries(classes.map((c, i) => [c, part.reduce((n, e) => n + (e.label === i ? 1 : 0), 0)]));
        const lines = validation.map((e, i) => ({
          id: e.id,
          label: classes[e.label],
          scores: probabilitiesOf(validationLogits[i]!).map(round),
        }));
        return {
          model: { ...model, ...withClassifier(model, { ...classifier!, temperature }) } as Model,
          tuning: { classes, train: counts(train), validation: counts(validation), leftOut, ...(privacy ? { privacy } : {}) },
          counts: { classes: classes.length },
          scores: {
            validationF1: round(best.macroF1),
            bestStep: best.step,
            temperature: round(temperature),
            ...(privacy ? { epsilon: round(privacy.epsilon), delta: privacy.delta, noise: round(privacy.noise) } : {}),
          },
          files: { [validationFile]: lines.map(line => `${JSON.stringify(line)}\n`).join("") },
        };
      },
    },
    around,
  );
