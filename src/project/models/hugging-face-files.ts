/** A model with its text as the files of a Hugging Face folder, which `transformers` and Loam read alike. */
import { defined } from "../../base/index.ts";
import { exportHuggingFace, type FilesWriter, type Model } from "../../nn/index.ts";
import type { ModelText } from "./model-text.ts";

/** Errors: nn/weights where no architecture has its configuration. */
export async function writeHuggingFace(
  out: FilesWriter,
  model: Model,
  { tokenizer, template, bosToken, eosToken, stopTokens }: ModelText,
): Promise<void> {
  await exportHuggingFace(out, model);
  await out.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
  // as much of a text is read as was trained on
  const longest = model.family === "encoder-decoder" ? undefined : model.config.classifier?.longest;
  const tokens = {
    ...(bosToken ? { bos_token: bosToken } : {}),
    ...(eosToken ? { eos_token: eosToken } : {}),
    ...defined({ model_max_length: longest }),
  };
  await out.write(
    "tokenizer_config.json",
    `${JSON.stringify({ tokenizer_class: "PreTrainedTokenizerFast", clean_up_tokenization_spaces: false, ...tokens }, null, 2)}\n`,
  );
  if (template !== undefined) await out.write("chat_template.jinja", template);
  if (stopTokens.length > 0) await out.write("generation_config.json", `${JSON.stringify({ eos_token_id: stopTokens }, null, 2)}\n`);
}
