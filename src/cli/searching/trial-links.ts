/** The links of a trial: the ordinary life of the entry up to its model, with the study's shards in place of its own, and the judgement. */

import type { Json } from "../../base/index.ts";
import { stepsOf } from "../../train/index.ts";
import { judgeStage, searchShardsStage } from "../../tune/index.ts";
import { cliErrors } from "../errors.ts";
import { type LifeSurroundings, type Link, lazyDevice, lifeOf, link } from "../life.ts";
import type { Project } from "../project.ts";
import { checkProject, projectFile } from "../project.ts";
import type { StudySpec } from "./definition.ts";

/** Seconds between checkpoints of a trial, at most: what a killed one loses. */
const checkpointSeconds = 10;

/** The label under which links find the study's documents. */
export const judgedLabel = "judged";

/** The project of a trial: the tree's configuration, looked at as often as the study asks. */
export function trialProject(p: Project, tree: Json, spec: Pick<StudySpec, "model" | "reports">): Project {
  const config = checkProject({ ...(tree as object) }, projectFile);
  const entry = config.models[spec.model]!;
  const { train } = entry;
  const steps = stepsOf({ ...train, length: train.length ?? entry.context });
  const looked = {
    ...train,
    evaluateEvery: Math.max(1, Math.floor(steps / spec.reports)),
    checkpointSeconds: Math.min(train.checkpointSeconds, checkpointSeconds),
  };
  return {
    ...p,
    config: {
      ...config,
      store: p.config.store,
      device: p.config.device,
      models: { ...config.models, [spec.model]: { ...entry, train: looked } },
    },
  };
}

export interface TrialLinks {
  readonly links: readonly Link[];
  /** Labels of what is looked at: the link that trains, its shards, and the judgement. */
  readonly trained: Link;
  readonly shards: string;
  readonly judgement: string;
}

/** Errors: cli/model for an entry that is not trained from shards. */
export function trialLinks(p: Project, model: string, given: LifeSurroundings): TrialLinks {
  const device = given.device ?? lazyDevice(p);
  const life = lifeOf(p, model, { ...given, device });
  const train = life.find(l => l.label === model);
  const own = life.find(l => l.label === train?.inputs.shards);
  if (!train || !own)
    throw cliErrors.fail("model", {
      place: `models.${model}`,
      expected: "a language model that is trained on documents",
      received: "another",
    });
  const shards = `search/${model}`;
  const judgement = `judge/${model}`;
  const trained: Link = { ...train, inputs: { ...train.inputs, shards } };
  return {
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
      judgeLink(device, model, judgement, "validation"),
    ],
    trained,
    shards,
    judgement,
  };
}

/** Judges the model under a label on a half of the study's documents. */
export const judgeLink = (
  device: NonNullable<LifeSurroundings["device"]>,
  model: string,
  label: string,
  half: "validation" | "test",
): Link =>
  link({
    stage: "evaluate",
    label,
    inputs: { model, documents: judgedLabel },
    definition: judgeStage({ device }),
    options: () => ({ half }),
    describe: s => `${Number(s.bitsPerByte).toFixed(4)} bits a byte on ${s.documents} documents`,
  });
