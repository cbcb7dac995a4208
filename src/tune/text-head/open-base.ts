/** The base of a tuning that reads classes or numbers off a text: its arrays, its tokenizer, and the longest text that it reads. */
import { disposeTree, loadModel, type Model } from "../../nn/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import { tuneErrors } from "../errors.ts";
import type { ServedForm } from "../methods/index.ts";
import type { StageSurroundings } from "../tune-stage.ts";

/** What tuning needs that is not part of the result. */
export interface TuneSurroundings extends StageSurroundings {
  readonly device: () => Device;
  /** The tokenizer of a model's files, whatever their format. */
  readonly tokenizerOf: (model: ArtifactReader) => Promise<Tokenizer>;
  /** The form beside float32 that the result can be served in, for the proof of the merge. */
  readonly served?: ServedForm;
}

interface OpenBase {
  readonly device: Device;
  readonly tokenizer: Tokenizer;
  /** A decoder or an encoder; the caller owns its arrays. */
  readonly base: Model;
  /** Tokens: the recipe's length, or what the model reads where that is less. */
  readonly longest: number;
}

/** Opens a base. Errors: tune/base for an encoder-decoder. */
export async function openBase(around: TuneSurroundings, artifact: ArtifactReader, length: number): Promise<OpenBase> {
  const tokenizer = await around.tokenizerOf(artifact);
  const device = around.device();
  const base = await loadModel(artifact, device);
  if (base.family === "encoder-decoder") {
    disposeTree(base.parameters);
    throw tuneErrors.fail("base", {
      place: artifact.id,
      expected: "a decoder or an encoder",
      received: `a model of family "${base.family}"`,
    });
  }
  return { device, tokenizer, base, longest: Math.min(length, base.config.classifier?.longest ?? base.config.context) };
}
