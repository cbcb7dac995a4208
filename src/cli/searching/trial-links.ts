/**
 * The links of a trial: the ordinary life of its entry up to the model, and what judges it. One kind of entry a row: what its trials are judged on,
 * in which unit, what its training tells on its way.
 */
import type { Json } from "../../base/index.ts";
import { documentsOf } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { stepsOf } from "../../train/index.ts";
import {
  answerLatency,
  type Half,
  halfOf,
  judgeAnswersStage,
  judgeClassifierStage,
  judgeRegressionStage,
  judgeStage,
  labelsOf,
  readExamples,
  readMeasured,
  searchShardsStage,
  targetsOf,
} from "../../tune/index.ts";
import { cliErrors } from "../errors.ts";
import { type LifeSurroundings, type Link, lazyDevice, lifeOf, link } from "../life.ts";
import { modelText } from "../models/model-text.ts";
import { checkProject, type Project, projectFile } from "../project.ts";
import { baseText } from "../tuning/base-text.ts";
import { dataSetOf, type TunedModel } from "../tuning/tune-part.ts";
import type { StudySpec } from "./definition.ts";

/** Seconds between checkpoints of a trial, at most: what a killed one loses. */
const checkpointSeconds = 10;

/** The label under which links find what the study's trials are judged on. */
export const judgedLabel = "judged";

type Values = Readonly<Record<string, number | undefined>>;

/** How trials of an entry are made and judged. */
export interface TrialKind {
  /** What `heldOut` is counted in. */
  readonly unit: string;
  /** The label of what all trials are judged on. */
  readonly judged: string;
  /** From the source to the model, and its judgement where there is one. */
  readonly links: readonly Link[];
  /** The link that trains. */
  readonly trained: Link;
  readonly judgement?: string;
  /** `heldOut` as a progress event tells it, where it was measured anew. */
  told(values: Values, made: ReadonlyMap<string, ArtifactReader>): number | undefined;
  /** Judges the model under a label on a half; absent where nothing is held out that chose nothing. */
  judge?(model: string, label: string, half: Half): Link;
  /** Texts that select, of what the trials are judged on or of the made: whose answers are timed. */
  texts(made: ReadonlyMap<string, ArtifactReader>): Promise<readonly string[]>;
}

type Judging = Required<Pick<TrialKind, "judge">>;

interface Given {
  readonly project: Project;
  readonly model: string;
  readonly life: readonly Link[];
  readonly trained: Link;
  readonly device: () => Device;
}

const judgeText = (s: ArtifactReader["summary"]): string =>
  s.bitsPerText === undefined
    ? `${s.bitsPerByte} bits a byte on ${s.documents} documents`
    : `${s.bitsPerText} bits a text on ${s.documents}`;
const lossText = (s: ArtifactReader["summary"]): string => `loss ${s.loss} on ${s.documents} documents`;

const tokenizerOf = async (artifact: ArtifactReader) => (await modelText(artifact)).tokenizer;

/** Median milliseconds of an answer of a trial's model on this machine. */
export const latencyOf = async (
  { texts, trained }: Pick<TrialKind, "texts" | "trained">,
  made: ReadonlyMap<string, ArtifactReader>,
  { device, signal }: { readonly device: () => Device; readonly signal: AbortSignal },
): Promise<number> => answerLatency({ device: device(), model: made.get(trained.label)!, tokenizerOf, texts: await texts(made), signal });

type Tune<T extends TunedModel["tune"]["task"]> = Extract<TunedModel["tune"], { readonly task: T }>;
const tuneOf = <T extends TunedModel["tune"]["task"]>({ project, model }: Pick<Given, "project" | "model">, _: T): Tune<T> =>
  project.config.tuned[model]!.tune as Tune<T>;

/** Trained from shards: the study's own are put in their place. */
function language({ project, model, life, trained: train, device }: Given): TrialKind {
  const own = life.find(l => l.label === train.inputs.shards)!;
  const [shards, judgement] = [`search/${model}`, `judge/${model}`];
  const trained: Link = { ...train, inputs: { ...train.inputs, shards } };
  const judge = (of: string, label: string, half: Half) =>
    link({
      stage: "evaluate",
      label,
      inputs: { model: of, documents: judgedLabel },
      definition: judgeStage({ device }),
      options: () => ({ half }),
      describe: judgeText,
    });
  const every = project.config.models[model]!.train.evaluateEvery;
  return {
    unit: "bits a byte",
    judged: own.inputs.documents!,
    links: [
      ...life.slice(0, life.indexOf(train)),
      link({
        stage: "shards",
        label: shards,
        inputs: { shards: own.label, documents: own.inputs.documents!, tokenizer: own.inputs.tokenizer!, judged: judgedLabel },
        definition: searchShardsStage,
        options: () => ({}),
        describe: s => `${s.trainTokens} train tokens, ${s.heldOutDocuments} documents to choose by`,
      }),
      trained,
      judge(model, judgement, "validation"),
    ],
    trained,
    judgement,
    told({ step = 0, steps, heldOut }, made) {
      if (heldOut === undefined || (step % every !== 0 && step !== steps)) return undefined;
      const s = made.get(shards)!.summary;
      return (heldOut * (Number(s.heldOutTokens) + Number(s.heldOutDocuments))) / Number(s.heldOutBytes) / Math.LN2;
    },
    judge,
    async texts(made) {
      const judged = made.get(judgedLabel)!;
      const all = [];
      for await (const d of documentsOf(judged, "held-out")) all.push(d);
      return halfOf(all, "validation", `${judged.id}/held-out`).map(d => d.text);
    },
  };
}

/** A loss that is told with every step and measured now and then: the first event with another one. */
function fresh(key: string, scale: number): TrialKind["told"] {
  let last: number | undefined;
  return values => {
    const loss = values[key];
    if (loss === undefined || loss === last) return undefined;
    last = loss;
    return loss * scale;
  };
}

/** Tuned on documents of which a part of the training side chooses; the held-out side judges. */
function onDocuments({ model, life, trained }: Given, { judge, ...own }: Pick<TrialKind, "unit" | "told" | "texts"> & Judging): TrialKind {
  const judgement = `judge/${model}`;
  return {
    ...own,
    judged: trained.inputs.documents!,
    links: [...life.slice(0, life.indexOf(trained) + 1), judge(model, judgement, "validation")],
    trained,
    judgement,
    judge,
  };
}

/** Tuned to tell classes. */
function classifier(given: Given): TrialKind {
  const { device } = given;
  const labels = labelsOf(tuneOf(given, "classify"));
  return onDocuments(given, {
    unit: "bits a text",
    told: fresh("validationLoss", 1 / Math.LN2),
    judge: (of, label, half) =>
      link({
        stage: "evaluate",
        label,
        inputs: { model: of, documents: judgedLabel },
        definition: judgeClassifierStage({ device, tokenizerOf }),
        options: () => ({ half, labels }),
        describe: judgeText,
      }),
    texts: async made => (await readExamples(made.get(judgedLabel)!, labels)).validation.map(e => e.text),
  });
}

/** Tuned to give numbers: divided as a classifier's texts are. */
function regression(given: Given): TrialKind {
  const { device } = given;
  const targets = targetsOf(tuneOf(given, "regress"));
  return onDocuments(given, {
    unit: "squared error in variances",
    told: fresh("validationLoss", 1),
    judge: (of, label, half) =>
      link({
        stage: "evaluate",
        label,
        inputs: { model: of, documents: judgedLabel },
        definition: judgeRegressionStage({ device, tokenizerOf }),
        options: () => ({ half, targets }),
        describe: lossText,
      }),
    texts: async made => (await readMeasured(made.get(judgedLabel)!, targets)).validation.map(m => m.text),
  });
}

/** What a record says, whatever its shape: the texts of a prompt, an answer, the turns of a conversation. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, v]) => (key === "role" || key === "kind" || key === "place" ? [] : textsIn(v)));
}
const validationTexts = async (examples: ArtifactReader): Promise<string[]> =>
  (await examples.read("validation.jsonl"))
    .toString("utf8")
    .split("\n")
    .filter(line => line !== "")
    .map(line => textsIn(JSON.parse(line)).join("\n"));

/** Tuned on examples, some of which choose: no further ones are held out, so nothing is left to judge the choice. */
const onExamples =
  (unit: string, from: "examples" | "pairs" = "examples") =>
  ({ life, trained }: Given): TrialKind => ({
    unit,
    judged: trained.inputs[from]!,
    links: life.slice(0, life.indexOf(trained) + 1),
    trained,
    told: fresh("validationLoss", 1),
    texts: made => validationTexts(made.get(judgedLabel)!),
  });

/** Tuned to answer. The examples of a data set are of its train side: its held-out side judges, and an adapter is judged by nobody. */
function instruct(given: Given): TrialKind {
  const { life, trained, device } = given;
  const tune = tuneOf(given, "instruct");
  const kind = onExamples("nats a token")(given);
  const name = dataSetOf(tune);
  if (name === undefined || tune.result === "adapter") return kind;
  const { format, columns, bad, answers, length } = tune;
  const options = { name, ...(format ? { format } : {}), ...(columns ? { columns } : {}), bad, answers, length };
  const examples = trained.inputs.examples!;
  return {
    ...kind,
    judged: life.find(l => l.label === examples)!.inputs.documents!,
    judge: (of, label) =>
      link({
        stage: "evaluate",
        label,
        inputs: { model: of, documents: judgedLabel },
        definition: judgeAnswersStage({ device, textOf: baseText }),
        options: () => options,
        describe: lossText,
      }),
    texts: made => validationTexts(made.get(examples)!),
  };
}

const tasks: Readonly<Record<Project["config"]["tuned"][string]["tune"]["task"], (given: Given) => TrialKind>> = {
  classify: classifier,
  instruct,
  preference: onExamples("loss of a pair"),
  distill: onExamples("loss of a token"),
  embed: onExamples("nats an anchor", "pairs"),
  regress: regression,
};

/** Errors: cli/model for an entry that no search knows how to judge. */
export function trialKind(project: Project, model: string, around: LifeSurroundings): TrialKind {
  const device = around.device ?? lazyDevice(project);
  const life = lifeOf(project, model, { ...around, device });
  const trained = life.find(l => l.label === model);
  const tuned = project.config.tuned[model];
  const make = tuned ? tasks[tuned.tune.task] : trained?.inputs.shards === undefined ? undefined : language;
  if (!trained || !make)
    throw cliErrors.fail("model", { place: `models.${model}`, expected: "a model that is trained or tuned", received: "another" });
  return make({ project, model, life, trained, device });
}

/** The project of a trial: the tree's configuration, looked at as often as the study asks where the recipe says how often. */
export function trialProject(p: Project, tree: Json, { model, reports }: Pick<StudySpec, "model" | "reports">): Project {
  const read = checkProject({ ...(tree as object) }, projectFile);
  const config = { ...read, store: p.config.store, device: p.config.device };
  const tuned = config.tuned[model];
  if (tuned) {
    const tune = { ...tuned.tune, checkpointSeconds: Math.min(tuned.tune.checkpointSeconds, checkpointSeconds) };
    return { ...p, config: { ...config, tuned: { ...config.tuned, [model]: { ...tuned, tune } } } };
  }
  const entry = config.models[model]!;
  const { train } = entry;
  const steps = stepsOf({ ...train, length: train.length ?? entry.context });
  const looked = {
    ...train,
    evaluateEvery: Math.max(1, Math.floor(steps / reports)),
    checkpointSeconds: Math.min(train.checkpointSeconds, checkpointSeconds),
  };
  return { ...p, config: { ...config, models: { ...config.models, [model]: { ...entry, train: looked } } } };
}
