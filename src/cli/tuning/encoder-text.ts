/** How a sentence encoder's files say that it makes vectors, as tuning needs it, and how a tuned one says it in turn: as sentence-transformers writes it. */
import { checkModelFiles, type FilesReader, type Model } from "../../nn/index.ts";
import type { ArtifactWriter } from "../../store/index.ts";
import type { EncoderText } from "../../tune/index.ts";
import { modelText } from "../models/model-text.ts";
import { longestOf, poolingOf } from "../serving/read-encoder.ts";
import { writeTuned } from "./base-text.ts";

export async function encoderText(files: FilesReader): Promise<EncoderText> {
  const { tokenizer } = await modelText(files);
  const { model } = await checkModelFiles(files);
  return { tokenizer, pooling: await poolingOf(files), longest: await longestOf(files, model.config.context) };
}

const modules = ["Transformer", "Pooling", "Normalize"] as const;
const folders = { Transformer: "", Pooling: "1_Pooling", Normalize: "2_Normalize" } as const;

/** A folder that sentence-transformers opens, and Loam serves; vectors have length 1. */
export async function writeEncoder(
  output: ArtifactWriter,
  model: Model,
  base: FilesReader,
  { pooling, longest }: EncoderText,
): Promise<void> {
  await writeTuned(output, model, base, await modelText(base));
  const json = (name: string, value: unknown) => output.write(name, `${JSON.stringify(value, null, 2)}\n`);
  await json(
    "modules.json",
    modules.map((name, idx) => ({ idx, name: String(idx), path: folders[name], type: `sentence_transformers.models.${name}` })),
  );
  await json("1_Pooling/config.json", {
    word_embedding_dimension: (model.config as { width: number }).width,
    pooling_mode_cls_token: pooling === "cls",
    pooling_mode_mean_tokens: pooling === "mean",
    pooling_mode_max_tokens: false,
    pooling_mode_mean_sqrt_len_tokens: false,
  });
  await json("sentence_bert_config.json", { max_seq_length: longest, do_lower_case: false });
}
