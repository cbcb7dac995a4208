/** The token before a text that nothing stands before. */
import type { FilesReader } from "../../nn/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import { modelText } from "../models/model-text.ts";

/** As `transformers` names them: the first token of the model's files, else the last, after the start token that a served model knows. */
export async function prefixTokenOf(files: FilesReader, model: Pick<ServedModel, "startToken" | "stopTokens">): Promise<number> {
  const { tokenizer, bosToken, eosToken } = await modelText(files);
  const named = [bosToken, eosToken]
    .map(t => (t === undefined ? undefined : (tokenizer.specials.get(t) ?? tokenizer.idOf(t))))
    .find(id => id !== undefined);
  return model.startToken ?? named ?? model.stopTokens?.[0] ?? 0;
}
