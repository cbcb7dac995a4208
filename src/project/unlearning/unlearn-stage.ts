/**
 * A version without some texts as an artifact. The stage declares no inputs: what a version was made from holds the texts, and gc keeps an input as long as
 * what was made of it. The parent and the texts stand in its options by digest.
 */
import { z } from "zod";
import { hashOf } from "../../base/index.ts";
import { likelihoodScorer } from "../../evaluate/index.ts";
import {
  type ArraysOf,
  countParameters,
  type DecoderConfig,
  type DecoderSpec,
  decoderSpec,
  disposeTree,
  loadModel,
  writeModelFiles,
} from "../../nn/index.ts";
import { openArtifact, type Store, stage } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { pretrain, type TokenShards, unlearn, unlearnSchema } from "../../train/index.ts";
import { projectErrors } from "../errors.ts";
import type { ErasureTexts, TokenText } from "./erasure-texts.ts";
import { textsLeft } from "./measure-model.ts";
import type { DividedTexts, TrainedVersion } from "./trained-version.ts";

const unlearnStageOptions = z.strictObject({
  parent: z.strictObject({ artifact: z.string(), digest: z.string() }),
  /** SHA-256 of each document's id, and of the tokens of all of them. */
  documents: z.array(z.string()).min(1),
  texts: z.string(),
  how: z.union([z.literal("retrain"), unlearnSchema]),
});
type UnlearnStageOptions = z.output<typeof unlearnStageOptions>;

export interface UnlearnGiven {
  readonly store: Store;
  readonly device: Device;
  readonly trained: TrainedVersion;
  readonly divided: DividedTexts;
  readonly texts: ErasureTexts;
}

export const textsDigest = ({ forget }: Pick<DividedTexts, "forget">): string => hashOf(forget.map(t => Array.from(t)));

/** A decoder on a device. Errors: project/family. */
export async function loadDecoder(
  store: Store,
  artifact: string,
  device: Device,
): Promise<{ config: DecoderConfig; parameters: ArraysOf<DecoderSpec> }> {
  const model = await loadModel(await openArtifact(store, artifact), device);
  if (model.family === "decoder" && !model.config.classifier) return model;
  disposeTree(model.parameters);
  throw projectErrors.fail("family", { place: artifact, expected: "a decoder, which continues texts", received: `an ${model.family}` });
}

function shardsOf(texts: readonly TokenText[], ids?: readonly string[]): TokenShards {
  const offsets = new Float64Array(texts.length + 1);
  for (const [i, t] of texts.entries()) offsets[i + 1] = offsets[i]! + t.length;
  const tokens = new Uint32Array(offsets.at(-1)!);
  for (const [i, t] of texts.entries()) tokens.set(t, offsets[i]);
  return { tokens, offsets, ...(ids ? { ids } : {}) };
}

/** Makes the parameters: by steps from the parent's, or from nothing by its recipe. */
async function madeWithout(
  { store, device, trained, divided, texts }: UnlearnGiven,
  how: UnlearnStageOptions["how"],
  {
    scratch,
    progress,
    signal,
  }: { readonly scratch: string; readonly progress: Parameters<typeof unlearn>[0]["progress"]; readonly signal: AbortSignal },
): Promise<{ config: DecoderConfig; parameters: ArraysOf<DecoderSpec>; steps: number; left?: readonly number[] }> {
  const { config, parameters: start } = await loadDecoder(store, trained.version.artifact, device);
  const retain = shardsOf(divided.retained, divided.retainedIds);
  const { end } = trained;
  if (how === "retrain") {
    disposeTree(start);
    const identity = hashOf({ texts: hashOf(divided.retained.map(t => Array.from(t))), config, recipe: trained.recipe });
    const { parameters, steps } = await pretrain({
      device,
      model: config,
      recipe: trained.recipe,
      train: retain,
      heldOut: trained.heldOut,
      end,
      identity,
      folder: scratch,
      progress,
      signal,
    });
    return { config, parameters, steps };
  }
  const scorer = likelihoodScorer({ device, config, end });
  try {
    const { parameters, steps, left } = await unlearn({
      device,
      model: config,
      start,
      forget: shardsOf(divided.forget),
      retain,
      end,
      recipe: how,
      left: textsLeft(scorer, texts, how.seed, signal),
      progress,
      signal,
    });
    return { config, parameters, steps, left };
  } finally {
    scorer.dispose();
  }
}

export const unlearnStage = (given: UnlearnGiven) =>
  stage({
    name: "unlearn",
    version: 1,
    inputs: {},
    options: unlearnStageOptions,
    output: "model",
    async run({ options, output, progress, signal, scratch }) {
      const { trained } = given;
      const { config, parameters, steps, left } = await madeWithout(given, options.how, { scratch, progress, signal });
      await writeModelFiles(output, { family: "decoder", config, parameters });
      disposeTree(parameters);
      await output.write("tokenizer.json", trained.tokenizerText);
      const method = options.how === "retrain" ? "retrain" : options.how.method;
      const record = {
        parents: [options.parent],
        method,
        how: options.how,
        documents: options.documents,
        steps,
        ...(left ? { left } : {}),
      };
      await output.write("unlearning.json", `${JSON.stringify(record, null, 2)}\n`);
      return { parameters: countParameters(decoderSpec(config)), method, steps, documents: options.documents.length };
    },
  });
