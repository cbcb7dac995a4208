/**
 * The links of a trial: the ordinary life of its entry up to the model, and what judges it. One kind of entry a row: what its trials are judged on,
 * in which unit, what its training tells on its way.
 */
import type { Json } from "../../base/index.ts";
import { documentsOf } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { stepsOf } from "../../train/index.ts";
import { answerLatency, halfOf, judgedLabel, judgeStage, searchShardsStage } from "../../tune/index.ts";
import { withoutReports } from "../../tune/part.ts";
import { projectErrors } from "../errors.ts";
import { type LifeSurroundings, type Link, lazyDevice, lifeOf, link } from "../life.ts";
import { checkProject, type ProjectFile, projectFile } from "../project-file.ts";
import { movesParts } from "./check-tuned.ts";
import type { StudySpec } from "./definition.ts";
import { type Given, type TrialKind, tokenizerOf } from "./trial-kind.ts";
import { tunedTrial } from "./trial-tuned.ts";

/** Seconds between checkpoints of a trial, at most: what a killed one loses. */
const checkpointSeconds = 10;

/** Median milliseconds of an answer of a trial's model on this machine. */
export const latencyOf = async (
  { texts, trained }: Pick<TrialKind, "texts" | "trained">,
  made: ReadonlyMap<string, ArtifactReader>,
  { device, signal }: { readonly device: () => Device; readonly signal: AbortSignal },
): Promise<number> => answerLatency({ device: device(), model: made.get(trained.label)!, tokenizerOf, texts: await texts(made), signal });

/** Trained from shards: the study's own are put in their place. */
function language({ project, model, life, trained: train, device }: Given): TrialKind {
  const own = life.find(l => l.label === train.inputs.shards)!;
  const [shards, judgement] = [`search/${model}`, `judge/${model}`];
  const trained: Link = { ...train, inputs: { ...train.inputs, shards } };
  const judge: NonNullable<TrialKind["judge"]> = asked =>
    link({
      stage: "evaluate",
      label: asked.label,
      inputs: { model: asked.model, documents: judgedLabel },
      definition: judgeStage({ device }),
      options: () => ({ half: asked.half }),
      describe: s => `${s.bitsPerByte} bits per byte on ${s.documents} documents`,
    });
  const every = project.config.models[model]!.train.evaluateEvery;
  return {
    unit: "bits per byte",
    judged: own.inputs.documents!,
    beside: {},
    preparing: life,
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
      judge({ model, label: judgement, half: "validation" }),
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

/** What a study is about: the configuration as it is, the trial's own where it is another one, and what varies. */
interface KindGiven {
  readonly usual: ProjectFile;
  readonly trial?: ProjectFile;
  readonly varies: readonly string[];
  readonly folds?: number | undefined;
}

/** Errors: project/model for an entry that no search knows how to judge. */
export function trialKind({ usual, trial: project = usual, varies, folds }: KindGiven, model: string, around: LifeSurroundings): TrialKind {
  const device = around.device ?? lazyDevice(project);
  if ((usual.config.tuned[model] ?? usual.config.models[model])?.purpose && varies.some(name => movesParts.test(name)))
    throw projectErrors.fail("argument", {
      place: `models.${model}.purpose`,
      expected: "a search that changes no data: its trials would be made of documents whose purpose is not checked",
      received: varies.filter(name => movesParts.test(name)).join(", "),
      hint: "Take these paths out of the search's space.",
    });
  const entry = project.config.tuned[model];
  const tuned = entry && withoutReports(entry);
  const judged = tuned ? { ...project, config: { ...project.config, tuned: { ...project.config.tuned, [model]: tuned } } } : project;
  const life = lifeOf(judged, model, { ...around, device });
  const trained = life.find(l => l.label === model);
  const make = tuned ? tunedTrial : trained?.inputs.shards === undefined ? undefined : language;
  if (!trained || !make)
    throw projectErrors.fail("model", { place: `models.${model}`, expected: "a model that is trained or tuned", received: "another" });
  return make({ project, usual, varies, folds, model, life, trained, device });
}

/** The project of a trial: the tree's configuration, looked at as often as the study asks where the recipe says how often. */
export function trialProject(p: ProjectFile, tree: Json, { model, reports }: Pick<StudySpec, "model" | "reports">): ProjectFile {
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
