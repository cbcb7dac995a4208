/** Training as a stage: shards and tokenizer in, a model artifact out (configuration, weights, tokenizer, metrics, recipe). */
import { join } from "node:path";
import { z } from "zod";
import { defined, hashOf, type LoamError } from "../base/index.ts";
import { countParameters, decoderSpec, disposeTree, writeModelFiles } from "../nn/index.ts";
import { type Stage, stage } from "../store/index.ts";
import type { Device } from "../tensor/index.ts";
import { decoderConfigOf } from "./decoder-config.ts";
import { metricLine, metricsFile } from "./metrics.ts";
import { suggestedRows } from "./noise-scale.ts";
import { checkShards } from "./packing.ts";
import { modelPart, recipeSchema } from "./part.ts";
import { pretrain } from "./pretrain.ts";
import { keyOptionsOfRecipe, withoutHabits } from "./recipe.ts";
import { endOf, readShards, readTokenizer } from "./shards.ts";

const trainStageOptions = z.strictObject({ name: z.string(), model: modelPart, recipe: recipeSchema });

/** What training needs that is not part of the result: where it runs, and who hears of refused checkpoints. */
export interface TrainSurroundings {
  readonly device: () => Device;
  /** A folder for TensorBoard's event files, one folder a run in it. */
  readonly eventsFolder?: string;
  readonly onProblem?: (problem: LoamError) => void;
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
      const tokenizer = await readTokenizer(inputs.tokenizer);
      const end = endOf(tokenizer, inputs.tokenizer.id);
      const config = decoderConfigOf(options.model, tokenizer.vocabSize);
      const [train, heldOut] = [await readShards(inputs.shards, "train"), await readShards(inputs.shards, "held-out")];
      checkShards(train, config.vocab, `${inputs.shards.id}/train`);
      checkShards(heldOut, config.vocab, `${inputs.shards.id}/held-out`);
      const identity = hashOf({ shards: inputs.shards.digest, config, recipe: withoutHabits(options.recipe) });
      const result = await pretrain({
        device: around.device(),
        model: config,
        recipe: options.recipe,
        train,
        heldOut,
        end,
        identity,
        folder: scratch,
        ...(around.eventsFolder === undefined
          ? {}
          : { eventsFolder: join(around.eventsFolder, `${options.name}-${identity.slice(0, 8)}`) }),
        progress,
        signal,
        ...defined({ onProblem: around.onProblem }),
      });
      await writeModelFiles(output, { family: "decoder", config, parameters: result.parameters });
      await output.write("tokenizer.json", await inputs.tokenizer.read("tokenizer.json"));
      runData.write(metricsFile, result.points.map(metricLine).join(""));
      const parameters = countParameters(decoderSpec(config));
      const { steps, tokens, stoppedEarly, precision, precisionTimes, noiseScale } = result;
      const recipe = withoutHabits(options.recipe);
      await output.write(
        "training.json",
        `${JSON.stringify({ recipe, steps, tokens, heldOut: result.heldOut, stoppedEarly, precision, noiseScale }, null, 2)}\n`,
      );
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
