/** Training as a stage: shards and tokenizer in, a model artifact out (configuration, weights, tokenizer, metrics, recipe). */
import { join } from "node:path";
import { z } from "zod";
import { defined, hashOf, type LoamError, type Progress } from "../base/index.ts";
import { countParameters, decoderSpec, disposeTree, writeModelFiles } from "../nn/index.ts";
import { type ArtifactReader, type Stage, stage } from "../store/index.ts";
import type { Device } from "../tensor/index.ts";
import { trainErrors } from "./errors.ts";
import { metricLine, metricsFile } from "./metrics.ts";
import { suggestedRows } from "./noise-scale.ts";
import { meshSize, withoutMesh } from "./parallel/mesh.ts";
import { type RankTask, readRankResult } from "./parallel/rank-task.ts";
import { type MeshPart, modelPart, recipeSchema } from "./part.ts";
import { type PretrainResult, pretrain } from "./pretrain.ts";
import { keyOptionsOfRecipe, withoutHabits } from "./recipe.ts";
import { type TrainingInputs, trainingInputs } from "./training-inputs.ts";

const trainStageOptions = z.strictObject({ name: z.string(), model: modelPart, recipe: recipeSchema });

/** What training needs that is not part of the result: where it runs, and who hears of refused checkpoints. */
export interface TrainSurroundings {
  readonly device: () => Device;
  /** A folder for TensorBoard's event files, one folder a run in it. */
  readonly eventsFolder?: string;
  readonly onProblem?: (problem: LoamError) => void;
  /** Trains on the ranks of a mesh. Absent where processes cannot be started: recipes with a mesh are refused. */
  readonly launch?: LaunchRanks | undefined;
  /** `launch` trains recipes without a mesh too, on one rank. */
  readonly launchesOne?: boolean | undefined;
}

/** Starts the ranks of a task and waits for them; the first one leaves the result in the task's folder. */
export type LaunchRanks = (
  task: Omit<RankTask, "threads">,
  inputs: Readonly<Record<"shards" | "tokenizer", ArtifactReader>>,
  watched: RankWatch,
) => Promise<void>;

/** How the ranks of a training are watched and stopped. */
export interface RankWatch {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly onProblem?: (problem: LoamError) => void;
}

const isOnMesh = ({ mesh }: { readonly mesh?: MeshPart | undefined }): boolean => meshSize(mesh) > 1;

async function trainOnMesh(
  around: TrainSurroundings,
  material: TrainingInputs,
  { shards, tokenizer, ...rest }: Omit<RankTask, "threads" | "shards" | "tokenizer"> & Parameters<LaunchRanks>[1],
  watched: RankWatch,
): Promise<PretrainResult> {
  if (!around.launch)
    throw trainErrors.fail("mesh", {
      place: "train.mesh",
      expected: "one rank: this training starts no processes",
      received: `${meshSize(rest.recipe.mesh)} ranks`,
      hint: "Train with `loam train`.",
    });
  const named = ({ id, digest }: ArtifactReader) => ({ id, digest });
  await around.launch({ ...rest, shards: named(shards), tokenizer: named(tokenizer) }, { shards, tokenizer }, watched);
  return readRankResult(rest.folder, material, around.device());
}

export const trainStage = (around: TrainSurroundings): Stage<"shards" | "tokenizer", typeof trainStageOptions> =>
  stage({
    name: "train",
    version: 3,
    inputs: { shards: "shards", tokenizer: "tokenizer" },
    options: trainStageOptions,
    keyOptions: keyOptionsOfRecipe,
    output: "model",
    async run({ inputs, options, output, runData, progress, signal, scratch }) {
      const material = await trainingInputs(inputs, options.model);
      const config = material.model;
      const lasting = withoutHabits(options.recipe);
      // of any mesh, so that a run whose rank is lost goes on without it
      const identity = hashOf({ shards: inputs.shards.digest, config, recipe: withoutMesh(lasting) });
      const eventsFolder = around.eventsFolder && join(around.eventsFolder, `${options.name}-${identity.slice(0, 8)}`);
      const run = { identity, folder: scratch, ...defined({ eventsFolder }) };
      const watched = { progress, signal, ...defined({ onProblem: around.onProblem }) };
      const result =
        isOnMesh(options.recipe) || around.launchesOne
          ? await trainOnMesh(around, material, { ...options, ...run, shards: inputs.shards, tokenizer: inputs.tokenizer }, watched)
          : await pretrain({ ...material, ...run, ...watched, device: around.device(), recipe: options.recipe });
      await writeModelFiles(output, { family: "decoder", config, parameters: result.parameters });
      await output.write("tokenizer.json", await inputs.tokenizer.read("tokenizer.json"));
      runData.write(metricsFile, result.points.map(metricLine).join(""));
      const parameters = countParameters(decoderSpec(config));
      const { steps, tokens, heldOut, stoppedEarly, precision, precisionTimes, noiseScale, ranks } = result;
      const training = { recipe: lasting, steps, tokens, heldOut, stoppedEarly, precision, noiseScale, ranks };
      await output.write("training.json", `${JSON.stringify(training, null, 2)}\n`);
      disposeTree(result.parameters);
      return {
        name: options.name,
        parameters,
        steps,
        tokens,
        precision,
        ...(precisionTimes ? { gradientMsF32: round(precisionTimes.f32), gradientMsBf16: round(precisionTimes.bf16) } : {}),
        heldOutNats: round(result.heldOut),
        seconds: Math.round(result.totalMs / 1000),
        outsideShare: round(1 - result.nativeMs / result.totalMs),
        // a batch at which a run takes twice the fewest steps and twice the fewest tokens
        ...(noiseScale === undefined
          ? {}
          : { noiseScaleTokens: Math.round(noiseScale), suggestedRows: suggestedRows(noiseScale, options.recipe.length) }),
      };
    },
  });

const round = (x: number): number => Math.round(x * 1e4) / 1e4;
