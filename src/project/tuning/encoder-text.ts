/** How a sentence encoder's files say that it makes vectors, as tuning needs it, and how a tuned one says it in turn: as sentence-transformers writes it. */
import { checkModelFiles, type FilesReader, type Model } from "../../nn/index.ts";
import type { ArtifactWriter } from "../../store/index.ts";
import type { EncoderText } from "../../tune/index.ts";
import { modelText } from "../models/model-text.ts";
import { writeSentenceFiles } from "../models/sentence-files.ts";
import { longestOf, poolingOf } from "../serving/read-encoder.ts";
import { writeTuned } from "./base-text.ts";

export async function encoderText(files: FilesReader): Promise<EncoderText> {
  const { tokenizer } = await modelText(files);
  const { model } = await checkModelFiles(files);
  return { tokenizer, pooling: await poolingOf(files), longest: await longestOf(files, model.config.context) };
}

/** A folder that sentence-transformers opens, and Loam serves; vectors have length 1. */
export async function writeEncoder(
  output: ArtifactWriter,
  model: Model,
  base: FilesReader,
  { pooling, longest }: EncoderText,
): Promise<void> {
  await writeTuned(output, model, base, await modelText(base));
  await writeSentenceFiles(output, { width: (model.config as { width: number }).width, pooling, longest, normalise: true });
}
