/** The profile of a model's training step: of its recipe on its own shards, kept with the run that made the model. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepRunData, openArtifact } from "../store/index.ts";
import {
  decoderConfigOf,
  endOf,
  meshSize,
  profileFile,
  profileTraining,
  readShards,
  readTokenizer,
  type TrainingProfile,
} from "../train/index.ts";
import type { MeshOptions } from "./asked-ranks.ts";
import { progressFor, type Watch } from "./call.ts";
import { wrongArgument } from "./errors.ts";
import type { LaunchOptions } from "./launching/workers.ts";
import { ledgerMachine } from "./ledger-machine.ts";
import { lazyDevice } from "./life.ts";
import { modelNameOf } from "./project-file.ts";
import { trainModel } from "./runs.ts";
import type { Workspace } from "./workspace.ts";

/** The mesh is that of the training; steps are timed on one rank. */
export interface ProfileModelOptions extends MeshOptions, LaunchOptions {
  /** Steps that are timed (default 3). */
  readonly steps?: number | undefined;
}

export interface ModelProfile extends TrainingProfile {
  readonly model: string;
  /** The trained model whose run keeps it. */
  readonly artifact: string;
  /** Ranks that trained it. The times are of one rank that has the whole model and all rows. */
  readonly ranks: number;
}

const defaultSteps = 3;

/** Trains the model where it is stale, then times the kernels of some steps of its recipe from the start. Errors: project/argument for a tuned model. */
export async function profileModel(
  workspace: Workspace,
  given: string | undefined,
  { steps = defaultSteps, ...asked }: ProfileModelOptions,
  watch: Watch,
): Promise<ModelProfile> {
  const { file } = workspace;
  const name = modelNameOf(file, given);
  const entry = file.config.models[name];
  if (!entry) throw wrongArgument("loam train --profile", "a model that is trained from scratch", `"${name}", which is tuned`);
  const { artifacts } = await trainModel(workspace, name, asked, watch);
  const store = await workspace.store();
  const { on, length, ...recipe } = entry.train;
  const ranks = meshSize(asked.mesh ?? recipe.mesh);
  const { train: _, evaluate: __, purpose, ...architecture } = entry;
  const [shards, tokenizerArtifact] = [
    await openArtifact(store, artifacts[purpose ? `shards/${on}:${name}` : `shards/${on}`]!),
    await openArtifact(store, artifacts.tokenizer!),
  ];
  const tokenizer = await readTokenizer(tokenizerArtifact);
  const folder = mkdtempSync(join(tmpdir(), "loam-profile-"));
  try {
    const profile = await profileTraining({
      device: lazyDevice(file)(),
      model: decoderConfigOf(architecture, tokenizer.vocabSize),
      recipe: { ...recipe, length: length ?? entry.context },
      train: await readShards(shards, "train"),
      end: endOf(tokenizer, tokenizerArtifact.id),
      steps,
      folder,
      peak: (await ledgerMachine(file.config.device, true)).peak ?? null,
      progress: progressFor(watch, name),
      signal: watch.signal,
    });
    const artifact = artifacts[name]!;
    if (!store.isReadOnly) await keepRunData(store, artifact, profileFile, JSON.stringify(profile));
    return { model: name, artifact, ranks, ...profile };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
