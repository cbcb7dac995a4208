/** GET /tokenizer_info (vLLM's): the special tokens and the chat template of a model, for clients that count and cut tokens themselves. */
import type { AppContext, Services } from "./exchange.ts";
import { modelOrOnly } from "./only-model.ts";

export function tokenizerInfo(c: AppContext, { engines }: Services): Response {
  const engine = engines.findAny(modelOrOnly(c.req.query("model"), engines));
  c.var.exchange.engine = engine;
  const { model } = engine;
  const { tokenizer } = model;
  const names = new Map([...tokenizer.specials].map(([name, id]) => [id, name]));
  const decoder = "room" in engine ? engine.model : undefined;
  const textOf = (id: number | undefined): string | null => (id === undefined ? null : (names.get(id) ?? tokenizer.decode([id])));
  return c.json({
    tokenizer_class: "loam",
    vocab_size: tokenizer.vocabSize,
    model_max_length: "room" in engine ? engine.room : engine.model.longest,
    bos_token: decoder?.bosToken ?? textOf(decoder?.startToken),
    eos_token: decoder?.eosToken ?? textOf(decoder?.stopTokens?.[0]),
    pad_token: null,
    additional_special_tokens: [...tokenizer.specials.keys()],
    chat_template: decoder?.chatTemplate?.source ?? null,
  });
}
