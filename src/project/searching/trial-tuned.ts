/**
 * Trials of a tuned model, whatever its kind: of a data set a part of the train side chooses and the held-out side judges; of a file the part that selects is
 * halved, one half chooses, the other one judges the choice. What judges is the configuration's as it is, whatever a trial's data are.
 */
import {
  besideLabel,
  crossValidationLabel,
  dataSetOf,
  judgedLabel,
  searchDocumentsStage,
  searchShardsStage,
  type TunePart,
  tuningKindOf,
} from "../../tune/index.ts";
import { projectErrors } from "../errors.ts";
import { type Link, link } from "../link.ts";
import type { ProjectFile } from "../project-file.ts";
import { surroundingsOf } from "../tuning/surroundings.ts";
import { movesParts } from "./check-tuned.ts";
import { fresh, type Given, type TrialKind } from "./trial-kind.ts";

const entryOf = (p: ProjectFile, model: string): { readonly base: string; readonly part: TunePart } => {
  const { base, tune } = p.config.tuned[model]!;
  return { base, part: tune };
};
const ignore = (): void => {};

/** The links up to the model, and the label of what judges it. */
interface Prepared {
  readonly judged: string;
  readonly preparing: readonly Link[];
  readonly links: readonly Link[];
  readonly trained: Link;
}

/**
 * Where a study varies the data or the parts, what reads the documents gets the trial's own to learn from and the study's to select by, and a base that is
 * trained on the same data set sees nothing that is held out. `reads` is the label of the link that reads the documents.
 */
function onDataSet({ project, usual, varies, model, life, trained }: Given, reads: string): Prepared {
  const { part } = entryOf(usual, model);
  const judged = `data/${part.on}`;
  const upTo = life.slice(0, life.indexOf(trained) + 1);
  if (!varies.some(name => movesParts.test(name))) return { judged, preparing: life, links: upTo, trained };
  const documents = `data/${entryOf(project, model).part.on}`;
  const { validation, seed } = part;
  const links = upTo.flatMap((l): Link[] => {
    if (l.label === reads) {
      const label = `search/${documents}`;
      const apart = link({
        stage: "data",
        label,
        inputs: { documents, judged: judgedLabel },
        definition: searchDocumentsStage,
        options: () => ({ validation, seed, ...tuningKindOf(part).judge.selectedBy?.(part) }),
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
  return { judged, preparing: life, links, trained: links.find(l => l.label === trained.label)! };
}

/** What a file gives, halved; a trial learns from its own and selects by the study's half. */
function onFile({ model, life, trained: whole, usual }: Given): Prepared {
  const { input, file } = tuningKindOf(entryOf(usual, model).part).judge;
  const { halving, dividing } = file!;
  const [own, judged, label] = [whole.inputs[input]!, `judged/${model}`, `search/${model}`];
  const halves = link({
    stage: "data",
    label: judged,
    inputs: { [input]: own },
    definition: halving,
    options: () => ({}),
    describe: s => `${s.validation} to choose by, ${s.test} to judge the choice`,
  });
  const apart = link({
    stage: "data",
    label,
    inputs: { [input]: own, judged: judgedLabel },
    definition: dividing,
    options: () => ({}),
    describe: s => `${s.train} to train on, ${s.validation} to choose by`,
  });
  const trained: Link = { ...whole, inputs: { ...whole.inputs, [input]: label } };
  return { judged, preparing: [...life, halves], links: [...life.slice(0, life.indexOf(whole)), apart, trained], trained };
}

/** Errors: project/model for a trial that reads a file where the configuration reads a data set, or the other way round. */
export function tunedTrial(given: Given): TrialKind {
  const { project, usual, varies, folds, model, trained: whole, device } = given;
  const [own, study] = [entryOf(project, model), entryOf(usual, model)];
  const kind = tuningKindOf(study.part);
  const { judge } = kind;
  const dataSet = dataSetOf(study.part);
  if ((dataSetOf(own.part) === undefined) !== (dataSet === undefined))
    throw projectErrors.fail("model", {
      place: `models.${model}.tune.on`,
      expected: dataSet === undefined ? "a file, as the configuration has" : "a data set, as the configuration has",
      received: own.part.on,
    });
  // a kind that takes the documents themselves has no link between them and the training
  const reads = whole.inputs[judge.input] === `data/${own.part.on}` ? undefined : whole.inputs[judge.input];
  const { judged, preparing, links, trained } = dataSet === undefined ? onFile(given) : onDataSet(given, reads ?? whole.label);
  const around = surroundingsOf(usual, { device, onProblem: ignore });
  const judging: NonNullable<TrialKind["judge"]> = asked => link(judge.link({ name: model, part: study.part, around }, asked));
  const judgement = folds === undefined ? `judge/${model}` : crossValidationLabel(model);
  const isAdapter = own.part.result === "adapter";
  const judgedBy = () =>
    folds === undefined
      ? [judging({ model, label: judgement, half: "validation", ...(isAdapter ? { base: trained.inputs.base } : {}) })]
      : kind.folds!({
          name: model,
          base: trained.inputs.base!,
          part: own.part,
          around: surroundingsOf(project, { device, onProblem: ignore }),
          documents: judged,
          crossValidation: { folds, repeats: 1, seeds: 1 },
          hasBaselines: false,
        }).map(link);
  const scale = judge.told(own, study, { movesParts: varies.some(name => movesParts.test(name)) });
  const texts = dataSet === undefined || reads === undefined ? judgedLabel : reads;
  return {
    unit: judge.unit(study.part),
    judged,
    beside: Object.fromEntries(
      judge.beside.flatMap(input => (whole.inputs[input] === undefined ? [] : [[besideLabel(input), whole.inputs[input]]])),
    ),
    preparing,
    links: [...links, ...judgedBy()],
    trained,
    judgement,
    told: scale === undefined ? () => undefined : fresh("validationLoss", scale),
    judge: judging,
    texts: made => judge.texts(made.get(texts)!, study.part),
  };
}
