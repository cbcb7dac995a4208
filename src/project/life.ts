/**
 * A life as a chain of stages: what `loam.yaml` says, from source to evaluated version, in order. Each link knows its stage, its inputs by the
 * names of earlier links, and how its result reads; the runner decides whether it runs.
 */
import { join } from "node:path";
import type { LoamError } from "../base/index.ts";
import { formatCount } from "../base/index.ts";
import { baselinesStage, evaluateStage } from "../evaluate/index.ts";
import { type Device, openDevice } from "../tensor/index.ts";
import { tokenizerStage } from "../text/index.ts";
import { shardsStage, trainStage } from "../train/index.ts";
import { dataLinksOf, n } from "./data-links.ts";
import { type Link, link } from "./link.ts";
import type { ProjectFile } from "./project-file.ts";
import { throughPurpose } from "./purpose-links.ts";
import { launchRanksIn, launchTuningIn } from "./ranks/launch-ranks.ts";
import type { RankEngine } from "./ranks/rank-start.ts";
import { trainedSketchLinks } from "./sketches/index.ts";
import { keptExecutables } from "./training/kept-executables.ts";
import { tunedLife } from "./tuning/tuned-life.ts";

export { type DataWorkers, dataLinksOf } from "./data-links.ts";
export { type Link, link, type Made, planLink, type RunGiven, runLink, type StageName, stageNames } from "./link.ts";

export interface LifeSurroundings {
  readonly onProblem: (problem: LoamError) => void;
  /** Hears of a rank that a training goes on without. */
  readonly onNote?: (message: string) => void;
  /** Hears of a program that was compiled before and is loaded. */
  readonly onLoaded?: (message: string) => void;
  /** Where ranks start; default: this machine. */
  readonly rankEngine?: RankEngine | undefined;
  /** The project's own, opened when it is needed, where none is given. */
  readonly device?: () => Device;
}

/** Opened once, when the first stage needs it. */
export function lazyDevice(p: ProjectFile, onLoaded?: (message: string) => void): () => Device {
  let device: Device | undefined;
  const { name, ...options } = p.config.device;
  const given = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
  return () => {
    device ??= openDevice(name, { ...given, executables: keptExecutables(p.folder, onLoaded) });
    return device;
  };
}

/** The links of one model's life, in order; of a tuned one, its base's come first. */
export function lifeOf(p: ProjectFile, modelName: string, around: LifeSurroundings): Link[] {
  if (!Object.hasOwn(p.config.tuned, modelName)) return trainedLife(p, modelName, around);
  const device = around.device ?? lazyDevice(p, around.onLoaded);
  const launch = launchTuningIn(p, around.onNote ?? (() => {}), around.rankEngine);
  const launchesOne = around.rankEngine?.isForOne;
  return tunedLife(p, modelName, { onProblem: around.onProblem, device, launch, launchesOne }, base =>
    lifeOf(p, base, { ...around, device }),
  );
}

function trainedLife(p: ProjectFile, modelName: string, around: LifeSurroundings): Link[] {
  const { config } = p;
  const model = config.models[modelName]!;
  const device = around.device ?? lazyDevice(p, around.onLoaded);
  const dataLinks = [...new Set([config.tokenizer.from, model.train.on])].flatMap(name => dataLinksOf(p, name));
  const { on, length, ...recipe } = model.train;
  const { train: _, evaluate, purpose, ...architecture } = model;
  const { kind: __, from, ...tokenizer } = config.tokenizer;
  const own = [
    link({
      stage: "tokenizer",
      label: "tokenizer",
      inputs: { documents: `data/${from}` },
      definition: tokenizerStage,
      options: () => tokenizer,
      describe: s => `${formatCount(n(s, "vocab"))} tokens, ${n(s, "bytesPerToken").toFixed(2)} bytes a token`,
    }),
    link({
      stage: "shards",
      label: `shards/${on}`,
      inputs: { documents: `data/${on}`, tokenizer: "tokenizer" },
      definition: shardsStage,
      options: () => ({}),
      describe: s => `${formatCount(n(s, "trainTokens"))} train tokens, ${formatCount(n(s, "heldOutTokens"))} held out`,
    }),
    link({
      stage: "train",
      label: modelName,
      inputs: { shards: `shards/${on}`, tokenizer: "tokenizer" },
      definition: trainStage({
        device,
        onProblem: around.onProblem,
        eventsFolder: join(p.folder, ".loam", "tensorboard"),
        launch: launchRanksIn(p, around.onNote ?? (() => {}), around.rankEngine),
        launchesOne: around.rankEngine?.isForOne,
      }),
      options: () => ({ name: modelName, model: architecture, recipe: { ...recipe, length: length ?? model.context } }),
      describe: s =>
        `${formatCount(n(s, "parameters"))} parameters, ${formatCount(n(s, "tokens"))} tokens, held-out ${n(s, "heldOutNats").toFixed(3)} nats/token${s.suggestedRows === undefined ? "" : `; gradient noise scale ${formatCount(n(s, "noiseScaleTokens"))} tokens: a batch of ${formatCount(n(s, "suggestedRows"))} rows`}`,
    }),
    ...trainedSketchLinks(modelName, on),
    link({
      stage: "baselines",
      label: `baselines/${on}`,
      inputs: { documents: `data/${on}`, tokenizer: "tokenizer" },
      definition: baselinesStage,
      options: () => ({ baselines: evaluate.baselines }),
      describe: s =>
        Object.entries(s)
          .map(([name, bits]) => `${name} ${Number(bits).toFixed(2)}`)
          .join(", "),
    }),
    link({
      stage: "evaluate",
      label: `evaluate/${modelName}`,
      inputs: { model: modelName, documents: `data/${on}`, baselines: `baselines/${on}` },
      definition: evaluateStage({ device }),
      options: () => ({ name: modelName }),
      describe: s => `${n(s, "bitsPerByte").toFixed(3)} bits per byte on ${formatCount(n(s, "documents"))} held-out documents`,
    }),
  ];
  return [...dataLinks, ...(purpose ? throughPurpose(own, { model: modelName, on, rule: purpose }) : own)];
}
