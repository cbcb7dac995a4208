/** A tokenizer as the metadata that GGUF files have: the way back of the text room's `ggufTokenizer`, for byte-level BPE. */
import type { GgufEntry } from "../../nn/index.ts";
import { ggufMetadata } from "../../text/index.ts";
import type { ModelText } from "./model-text.ts";

/** `rows` of the model's embedding may be more than the tokenizer has tokens. Errors: text/unsupported where the format has no such tokenizer. */
export function ggufTextEntries({ tokenizer, template, bosToken, eosToken, stopTokens }: ModelText, rows?: number): GgufEntry[] {
  const { pre, tokens, types, merges, addsBos } = ggufMetadata(tokenizer, rows);
  const idOf = (token: string | undefined) => (token === undefined ? undefined : tokenizer.idOf(token));
  const bos = idOf(bosToken);
  const eos = idOf(eosToken) ?? stopTokens[0];
  const turn = stopTokens.find(t => t !== eos);
  const id = (key: string, value: number | undefined): GgufEntry[] =>
    value === undefined ? [] : [[`tokenizer.ggml.${key}`, "u32", value]];
  return [
    ["tokenizer.ggml.model", "text", "gpt2"],
    ["tokenizer.ggml.pre", "text", pre],
    ["tokenizer.ggml.tokens", "texts", tokens],
    ["tokenizer.ggml.token_type", "i32s", types],
    ["tokenizer.ggml.merges", "texts", merges],
    ...id("bos_token_id", bos),
    ...id("eos_token_id", eos),
    ...id("eot_token_id", turn),
    ["tokenizer.ggml.add_bos_token", "bool", addsBos],
    ...(template === undefined ? [] : ([["tokenizer.chat_template", "text", template]] as const)),
  ];
}
