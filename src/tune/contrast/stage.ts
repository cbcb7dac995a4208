/** Contrastive tuning as a stage: an encoder and pairs in, an encoder out, with what its vectors were worth before and after. */
import { join } from "node:path";
import { z } from "zod";
import { hashOf, type LoamError } from "../../base/index.ts";
import { countParameters, disposeTree, encoderSpec, loadModel, type Model } from "../../nn/index.ts";
import { type ArtifactReader, type ArtifactWriter, type Stage, stage } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import { keyOptionsOfRecipe, metricLine, metricsFile, withoutHabits } from "../../train/index.ts";
import { tokensOf } from "../text-head/batches.ts";
import { readingOf, textReader } from "../text-head/predict.ts";
import { tuneErrors } from "../errors.ts";
import {
  disposeTuned,
  givenBackOnFailure,
  mergedModel,
  nameOfMethod,
  probeOf,
  type ServedForm,
  textProof,
  textProofSummary,
} from "../methods/index.ts";
import { type EncoderPooling, textVectors, tuneContrast } from "./fit.ts";
import { embedOptions } from "./options.ts";
import { readPairs } from "./pairs-stage.ts";

/** How a base makes vectors of texts. */
export interface EncoderText {
  readonly tokenizer: Tokenizer;
  readonly pooling: EncoderPooling;
  /** Tokens of a text that it reads at most. */
  readonly longest: number;
}
/** What tuning needs that is not part of the result. */
export interface EmbedSurroundings {
  readonly device: () => Device;
  readonly encoderOf: (base: ArtifactReader) => Promise<EncoderText>;
  /** Writes an encoder with its text and how it pools. */
  readonly writeEncoder: (output: ArtifactWriter, model: Model, base: ArtifactReader, text: EncoderText) => Promise<void>;
  /** The form beside float32 that the result can be served in, for the proof of the merge. */
  readonly served?: ServedForm;
  readonly eventsFolder?: string;
  readonly onProblem?: (problem: LoamError) => void;
}

const round = (x: number): number => Number(x.toPrecision(6));
const stageOptions = z.strictObject({
  name: z.string(),
  recipe: embedOptions.omit({ columns: true, validation: true, heldOut: true, allowCrossing: true }),
});

export const embedStage = (around: EmbedSurroundings): Stage<"base" | "pairs", typeof stageOptions> =>
  stage({
    name: "tune-embed",
    version: 3,
    inputs: { base: "model", pairs: "pairs" },
    options: stageOptions,
    keyOptions: keyOptionsOfRecipe,
    output: "model",
    async run({ inputs, options: { name, recipe }, output, runData, progress, signal, scratch }) {
      const { train, validation, scored } = await readPairs(inputs.pairs);
      const text = await around.encoderOf(inputs.base);
      const device = around.device();
      const base = await loadModel(inputs.base, device);
      if (base.family !== "encoder" || base.config.classifier) {
        disposeTree(base.parameters);
        throw tuneErrors.fail("base", {
          place: `${name}: base`,
          expected: "an encoder, which makes vectors of texts",
          received: base.family === "encoder" ? "a classifier" : `a model of family "${base.family}"`,
          hint: "Import one, such as MiniLM: `loam models import FOLDER --name NAME`",
        });
      }
      const longest = Math.min(recipe.length, text.longest, base.config.context);
      const lasting = withoutHabits(recipe);
      const identity = hashOf({ base: inputs.base.digest, pairs: inputs.pairs.digest, recipe: lasting } as never);
      const tuned = await givenBackOnFailure([base.parameters], async () =>
        tuneContrast({
          device,
          config: base.config,
          parameters: base.parameters,
          ...text,
          longest,
          recipe,
          train,
          validation,
          scored,
          identity,
          folder: scratch,
          ...(around.eventsFolder === undefined ? {} : { eventsFolder: join(around.eventsFolder, `${name}-${identity.slice(0, 8)}`) }),
          progress,
          signal,
          ...(around.onProblem ? { onProblem: around.onProblem } : {}),
        }),
      );
      let model: Model | undefined;
      let quantised: unknown;
      try {
        const merged = await mergedModel(tuned.tuning, tuned.frozen, tuned.trainable, device);
        model = { ...base, parameters: merged } as Model;
        progress({ stage: "tune", message: "measuring what the merge changes" });
        quantised = await around.served?.of(model, { ...text, longest }, device);
        const probe = probeOf(
          [...new Set((validation.length > 0 ? validation : train).flatMap(r => [r.anchor, r.positive]))].map(t =>
            tokensOf(text.tokenizer, t, longest),
          ),
        );
        const proof = await textProof({
          output: "vector",
          ...tuned,
          merged,
          quantised: around.served && quantised ? { form: around.served.form, parameters: quantised } : undefined,
          read: readingOf(
            parameters =>
              textReader({
                device,
                longest,
                parameters,
                read: (p, tokens, present) => textVectors(base.config, p, text.pooling, { tokens, present }),
              }),
            probe,
            signal,
          ),
        });
        await around.writeEncoder(output, model, inputs.base, text);
        runData.write(metricsFile, tuned.points.map(metricLine).join(""));
        const { steps, stoppedEarly, history, best, report } = tuned;
        const told = { base: inputs.base.id, pairs: inputs.pairs.id, recipe: lasting, steps, stoppedEarly, history, best, report, proof };
        await output.write("tuning.json", `${JSON.stringify(told, null, 2)}\n`);
        const { ndcg10, recall1 } = report.retrieval;
        const scoredGain = report.scored?.spearman;
        return {
          name,
          family: "encoder",
          base: inputs.base.id,
          method: nameOfMethod(recipe.method),
          parameters: countParameters(encoderSpec(base.config)),
          trained: countParameters(tuned.tuning.specs),
          pairs: train.length,
          validation: validation.length,
          steps,
          stoppedEarly,
          bestStep: history[best]?.step ?? 0,
          baseNdcg10: round(ndcg10.base.value),
          validationNdcg10: round(ndcg10.tuned.value),
          baseRecall1: round(recall1.base.value),
          validationRecall1: round(recall1.tuned.value),
          ...(scoredGain ? { baseSpearman: round(scoredGain.base.value), spearman: round(scoredGain.tuned.value) } : {}),
          ...textProofSummary(proof),
          seconds: Math.round(tuned.totalMs / 1000),
        };
      } finally {
        disposeTuned(tuned);
        for (const tree of [model?.parameters, quantised]) if (tree) disposeTree(tree);
      }
    },
  });
