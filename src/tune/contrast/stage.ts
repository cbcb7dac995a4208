/** Contrastive tuning as a stage: an encoder and pairs in, an encoder out, with what its vectors were worth before and after. */
import { z } from "zod";
import { countParameters, disposeTree, encoderSpec, loadModel, type Model } from "../../nn/index.ts";
import type { ArtifactReader, ArtifactWriter, Summary } from "../../store/index.ts";
import type { Device, Tensor } from "../../tensor/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import { tuneErrors } from "../errors.ts";
import { mergedModel, nameOfMethod, probeOf, type ServedForm, textProof, textProofSummary } from "../methods/index.ts";
import { headTokens } from "../text-head/batches.ts";
import { proofReading, textReader } from "../text-head/predict.ts";
import { type StageSurroundings, tuningStage } from "../tune-stage.ts";
import { type EncoderPooling, textVectors, tuneContrast } from "./fit.ts";
import type { EmbedReport } from "./measure.ts";
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
export interface EmbedSurroundings extends StageSurroundings {
  readonly device: () => Device;
  readonly encoderOf: (base: ArtifactReader) => Promise<EncoderText>;
  /** Writes an encoder with its text and how it pools. */
  readonly writeEncoder: (output: ArtifactWriter, model: Model, base: ArtifactReader, text: EncoderText) => Promise<void>;
  /** The form beside float32 that the result can be served in, for the proof of the merge. */
  readonly served?: ServedForm;
}

const round = (x: number): number => Number(x.toPrecision(6));
const stageOptions = z.strictObject({
  name: z.string(),
  recipe: embedOptions.omit({ columns: true, validation: true, heldOut: true, allowCrossing: true }),
});

export const embedStage = (around: EmbedSurroundings) =>
  tuningStage(around, {
    name: "tune-embed",
    version: 4,
    inputs: { base: "model", pairs: "pairs" },
    options: stageOptions,
    output: "model",
    async open({ inputs, options: { name, recipe }, output, signal }) {
      const { train, validation, scored } = await readPairs(inputs.pairs);
      const text = await around.encoderOf(inputs.base);
      const device = around.device();
      const base = await encoderIn(inputs.base, device, `${name}: base`);
      const { config } = base;
      const longest = Math.min(recipe.length, text.longest, config.context);
      return {
        device,
        parameters: base.parameters,
        fit: run => tuneContrast({ ...run, config, parameters: base.parameters, ...text, longest, recipe, train, validation, scored }),
        async write(tuned, lasting, held) {
          const merged = await mergedModel(tuned.tuning, tuned.frozen, tuned.trainable, device);
          held.push(merged);
          const model = { ...base, parameters: merged } as Model;
          const quantised = await around.served?.of(model, { ...text, longest }, device);
          if (quantised) held.push(quantised);
          const probe = probeOf(
            [...new Set((validation.length > 0 ? validation : train).flatMap(r => [r.anchor, r.positive]))].map(t =>
              headTokens(text.tokenizer, t, longest),
            ),
          );
          const read = (p: unknown, tokens: Tensor, present: Tensor) => textVectors(config, p, text.pooling, { tokens, present });
          const proof = await textProof({
            output: "vector",
            ...tuned,
            merged,
            quantised: around.served && quantised ? { form: around.served.form, parameters: quantised } : undefined,
            read: proofReading(parameters => textReader({ device, longest, parameters, read }), probe, signal),
          });
          await around.writeEncoder(output, model, inputs.base, text);
          const { steps, stoppedEarly, history, best, report } = tuned;
          return {
            tuning: { base: inputs.base.id, pairs: inputs.pairs.id, recipe: lasting, steps, stoppedEarly, history, best, report, proof },
            summary: {
              name,
              family: "encoder",
              base: inputs.base.id,
              method: nameOfMethod(recipe.method),
              parameters: countParameters(encoderSpec(config)),
              trained: countParameters(tuned.tuning.specs),
              pairs: train.length,
              validation: validation.length,
              steps,
              stoppedEarly,
              bestStep: history[best]?.step ?? 0,
              ...gains(report),
              ...textProofSummary(proof),
            },
          };
        },
      };
    },
  });

/** What the report says of base and result, in numbers of a summary. */
function gains({ retrieval: { ndcg10, recall1 }, scored }: EmbedReport): Summary {
  return {
    baseNdcg10: round(ndcg10.base.value),
    validationNdcg10: round(ndcg10.tuned.value),
    baseRecall1: round(recall1.base.value),
    validationRecall1: round(recall1.tuned.value),
    ...(scored ? { baseSpearman: round(scored.spearman.base.value), spearman: round(scored.spearman.tuned.value) } : {}),
  };
}

/** A base that makes vectors. Errors: tune/base. */
async function encoderIn(artifact: ArtifactReader, device: Device, place: string): Promise<Extract<Model, { family: "encoder" }>> {
  const base = await loadModel(artifact, device);
  if (base.family === "encoder" && !base.config.classifier) return base;
  disposeTree(base.parameters);
  throw tuneErrors.fail("base", {
    place,
    expected: "an encoder, which makes vectors of texts",
    received: base.family === "encoder" ? "a classifier" : `a model of family "${base.family}"`,
    hint: "Import one, such as MiniLM: `loam models import FOLDER --name NAME`",
  });
}
