/**
 * A training on several ranks as a task that processes carry out: what each reads, what the first one writes as the result. Who starts the processes, and what
 * becomes of the result, is up to others.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { check, defined, type LoamError, type Progress, writeFileAtomic } from "../../base/index.ts";
import { decoderSpec, disposeTree, loadTree, openSafetensors, saveTree } from "../../nn/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { trainErrors } from "../errors.ts";
import { modelPart, recipeSchema } from "../part.ts";
import { type PretrainResult, pretrain } from "../pretrain.ts";
import { type TrainingInputs, trainingInputs } from "../training-inputs.ts";
import { meshSize } from "./mesh.ts";
import { onEveryRank } from "./on-every-rank.ts";

const artifactPart = z.strictObject({ id: z.string(), digest: z.string() });

/** What all ranks of a run are given. */
const rankTaskSchema = z.strictObject({
  name: z.string(),
  model: modelPart,
  recipe: recipeSchema,
  shards: artifactPart,
  tokenizer: artifactPart,
  identity: z.string(),
  /** Checkpoints, logs and the result: all ranks share it. */
  folder: z.string(),
  eventsFolder: z.string().optional(),
  /** Threads of each rank. */
  threads: z.number().int().min(1),
});
export type RankTask = z.output<typeof rankTaskSchema>;

const taskFile = "ranks.json";

/** Writes a task, of this or another kind, where its ranks find it (default: its own folder); the path. */
export function writeRankTask(task: { readonly folder: string }, folder = task.folder): string {
  const path = join(folder, taskFile);
  writeFileAtomic(path, JSON.stringify(task));
  return path;
}

/** What a file of a task says, of whatever kind it is. */
export const rankTaskContent = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

/** Errors: base/config for what is no task. */
export const checkRankTask = (content: unknown, path: string): RankTask => check(rankTaskSchema, content, path);

/** What one rank is given beside the task. */
interface RankSurroundings {
  readonly group: ProcessGroup;
  readonly device: Device;
  readonly open: (id: string) => Promise<ArtifactReader>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: LoamError) => void;
}

const resultFiles = { arrays: "result.safetensors", rest: "result.json" } as const;

/** An input of a task, with the content that the task says. Errors: train/data. */
export async function rankInput(open: RankSurroundings["open"], { id, digest }: RankTask["shards"]): Promise<ArtifactReader> {
  const found = await open(id);
  if (found.digest === digest) return found;
  throw trainErrors.fail("data", {
    place: id,
    expected: `content ${digest.slice(0, 12)}`,
    received: found.digest.slice(0, 12),
    hint: "Give all ranks the same project.",
  });
}

/** Trains as one of the ranks; the first one leaves the result in the task's folder. Errors: train/*, ranks/*. */
export async function trainRank(task: RankTask, around: RankSurroundings): Promise<void> {
  const { group, device, progress, signal, onProblem } = around;
  const shards = await rankInput(around.open, task.shards);
  const tokenizer = await rankInput(around.open, task.tokenizer);
  const inputs = await trainingInputs({ shards, tokenizer }, task.model);
  const { identity, folder, recipe } = task;
  const result = await pretrain({
    ...inputs,
    device,
    recipe,
    identity,
    folder,
    ...defined({ eventsFolder: task.eventsFolder }),
    progress,
    signal,
    onProblem,
    // one rank alone is a training like any other
    ranks: meshSize(recipe.mesh) > 1 ? group : undefined,
  });
  const { parameters, ...rest } = result;
  try {
    await onEveryRank(
      group,
      () => (group.rank === 0 ? writeResult(folder, parameters, rest) : undefined),
      () => [],
      0,
    );
  } finally {
    disposeTree(parameters);
  }
}

async function writeResult(
  folder: string,
  parameters: PretrainResult["parameters"],
  rest: Omit<PretrainResult, "parameters">,
): Promise<void> {
  await saveTree(join(folder, resultFiles.arrays), parameters);
  writeFileAtomic(join(folder, resultFiles.rest), JSON.stringify(rest));
}

/** What the ranks of a task have left. */
export async function readRankResult(folder: string, { model }: Pick<TrainingInputs, "model">, device: Device): Promise<PretrainResult> {
  // written by `writeResult`; a number that is none is null in JSON
  const rest = JSON.parse(readFileSync(join(folder, resultFiles.rest), "utf8")) as Omit<PretrainResult, "parameters"> & {
    heldOut: number | null;
  };
  const file = await openSafetensors(join(folder, resultFiles.arrays));
  try {
    return { ...rest, heldOut: rest.heldOut ?? Number.NaN, parameters: await loadTree(decoderSpec(model), file, device) };
  } finally {
    await file.close();
  }
}
