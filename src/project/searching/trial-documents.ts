/** Trials of what is tuned on the documents of a data set: a part of the train side chooses, the held-out side judges, whatever the trial's data are. */

import type { ArtifactReader } from "../../store/index.ts";
import {
  judgeClassifierStage,
  judgeRegressionStage,
  labelsOf,
  readExamples,
  readMeasured,
  searchDocumentsStage,
  searchShardsStage,
  targetsOf,
} from "../../tune/index.ts";
import { dataSetOf } from "../../tune/part.ts";
import { type Link, link } from "../link.ts";
import {
  type CrossValidated,
  classCrossValidation,
  crossValidationLabel,
  numberCrossValidation,
} from "../tuning/cross-validation-links.ts";
import { movesParts } from "./check-tuned.ts";
import { fresh, type Given, judgedLabel, lossText, type TrialKind, tokenizerOf, tuneOf } from "./trial-kind.ts";

const bitsText = (s: ArtifactReader["summary"]): string => `${s.bitsPerText} bits a text on ${s.documents}`;

/** The links up to the model, and what its documents are called among those of the configuration as it is. */
export interface OnDataSet {
  readonly judged: string;
  readonly links: readonly Link[];
  readonly trained: Link;
}

/**
 * Where a study varies the data or the parts, what reads the documents gets the trial's own to learn from and the study's to select by, and a base that is
 * trained on the same data set sees nothing that is held out. `reads` is the label of the link that reads the documents.
 */
export function onDataSet({ project, usual, varies, model, life, trained }: Given, reads: string): OnDataSet {
  const judged = `data/${dataSetOf(usual.config.tuned[model]!.tune)!}`;
  const upTo = life.slice(0, life.indexOf(trained) + 1);
  if (!varies.some(name => movesParts.test(name))) return { judged, links: upTo, trained };
  const documents = `data/${dataSetOf(project.config.tuned[model]!.tune)!}`;
  const { tune } = usual.config.tuned[model]!;
  const { validation, seed } = tune;
  const classes = tune.task === "classify" ? { classes: { label: tune.label, ...(tune.classes ? { classes: tune.classes } : {}) } } : {};
  const links = upTo.flatMap((l): Link[] => {
    if (l.label === reads) {
      const label = `search/${documents}`;
      const apart = link({
        stage: "data",
        label,
        inputs: { documents, judged: judgedLabel },
        definition: searchDocumentsStage,
        options: () => ({ validation, seed, ...classes }),
        describe: s =>
          `${s.trainDocuments} to train on, ${s.validationDocuments} to choose by; ${s.leftOut} left out beside those that judge`,
      });
      return [apart, { ...l, inputs: { ...l.inputs, documents: label } }];
    }
    const shards = upTo.find(s => s.label === l.inputs.shards);
    if (l.stage !== "train" || shards?.inputs.documents !== judged) return [l];
    const label = `search/${shards.label}`;
    const apart = link({
      stage: "shards",
      label,
      inputs: { shards: shards.label, documents: judged, tokenizer: shards.inputs.tokenizer!, judged: judgedLabel },
      definition: searchShardsStage,
      options: () => ({}),
      describe: s => `${s.trainTokens} train tokens, ${s.heldOutDocuments} documents held out`,
    });
    return [apart, { ...l, inputs: { ...l.inputs, shards: label } }];
  });
  return { judged, links, trained: links.find(l => l.label === trained.label)! };
}

/** The links that score a recipe over folds, without baselines: the report is the trial's judgement. */
type FoldsOf = (given: CrossValidated) => Link[];

/** Tuned on labelled documents. */
function labelled(
  given: Given,
  { judge, foldsOf, ...own }: Pick<TrialKind, "unit" | "told" | "texts"> & Required<Pick<TrialKind, "judge">> & { foldsOf: FoldsOf },
): TrialKind {
  const { model, life, trained: whole, folds } = given;
  const { judged, links, trained } = onDataSet(given, whole.label);
  const judgement = folds === undefined ? `judge/${model}` : crossValidationLabel(model);
  const judging =
    folds === undefined
      ? [judge({ model, label: judgement, half: "validation" })]
      : foldsOf({
          p: given.project,
          name: model,
          base: trained.inputs.base!,
          documents: judged,
          crossValidation: { folds, repeats: 1, seeds: 1 },
          device: given.device,
          onProblem: () => {},
        });
  return {
    ...own,
    judged,
    beside: {},
    preparing: life,
    links: [...links, ...judging],
    trained,
    judgement,
    judge,
  };
}

/** Tuned to tell classes. */
export function classifier(given: Given): TrialKind {
  const { device, usual, model, project } = given;
  const labels = labelsOf(tuneOf(usual, model, "classify"));
  return labelled(given, {
    foldsOf: folds => {
      const { task: _, on: __, baselines: ___, costs: ____, crossValidation: _____, ...recipe } = tuneOf(project, model, "classify");
      return classCrossValidation(folds, recipe, []);
    },
    unit: "bits a text",
    told: fresh("validationLoss", 1 / Math.LN2),
    judge: asked =>
      link({
        stage: "evaluate",
        label: asked.label,
        inputs: { model: asked.model, documents: judgedLabel },
        definition: judgeClassifierStage({ device, tokenizerOf }),
        options: () => ({ half: asked.half, labels }),
        describe: bitsText,
      }),
    texts: async made => (await readExamples(made.get(judgedLabel)!, labels)).validation.map(e => e.text),
  });
}

/** Tuned to give numbers: divided as a classifier's texts are. */
export function regression(given: Given): TrialKind {
  const { device, usual, model, project } = given;
  const targets = targetsOf(tuneOf(usual, model, "regress"));
  return labelled(given, {
    foldsOf: folds => {
      const { task: _, on: __, baselines: ___, crossValidation: ____, ...recipe } = tuneOf(project, model, "regress");
      return numberCrossValidation(folds, recipe, false);
    },
    unit: "squared error in variances",
    // standardised by the trial's own texts: another yardstick where those vary
    told: given.varies.some(name => movesParts.test(name)) ? () => undefined : fresh("validationLoss", 1),
    judge: asked =>
      link({
        stage: "evaluate",
        label: asked.label,
        inputs: { model: asked.model, documents: judgedLabel },
        definition: judgeRegressionStage({ device, tokenizerOf }),
        options: () => ({ half: asked.half, targets }),
        describe: lossText,
      }),
    texts: async made => (await readMeasured(made.get(judgedLabel)!, targets)).validation.map(m => m.text),
  });
}
