/**
 * POST /tokenize and /detokenize: the tokens that a text is to a model, and the text that tokens are. vLLM's form; a body with llama.cpp's `content`, or
 * tokens without a model, is answered in llama.cpp's (`llama-cpp/native-tokenize.ts`).
 */
import { z } from "zod";
import { chatMessages, requestFields } from "../../protocols/index.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { checkTokens } from "../padded-vocabulary.ts";
import { bodyRead } from "./body.ts";
import { turnsOf } from "./chat-messages.ts";
import { type AppContext, bodyOf, type Services } from "./exchange.ts";
import { nativeModel } from "./llama-cpp/native-model.ts";
import { nativeTokenize } from "./llama-cpp/native-tokenize.ts";
import { modelOrOnly } from "./only-model.ts";
import { parseBody } from "./parse.ts";
import { chatTokens, promptTokens } from "./prompt.ts";
import { checkedBody, checkFields } from "./request-fields.ts";

export const tokenizeRequest = z.object({
  /** The only model when absent, as in vLLM. */
  model: z.string().nullish(),
  prompt: z.string().nullish(),
  messages: chatMessages.nullish(),
  /** Special tokens of the model around the text; true when absent. */
  add_special_tokens: z.boolean().nullish(),
  /** The text of each token too. */
  return_token_strs: z.boolean().nullish(),
});

export async function tokenize(c: AppContext, services: Services): Promise<Response> {
  const given = await bodyOf(c);
  if (given.content !== undefined) return nativeTokenize(c, services);
  const { engines } = services;
  checkFields(c.var.exchange, requestFields.tokenize, given);
  const body = parseBody(tokenizeRequest, given);
  const engine = engines.findAny(modelOrOnly(body.model, engines));
  c.var.exchange.engine = engine;
  const { tokenizer } = engine.model;
  if ((body.prompt == null) === (body.messages == null))
    throw serveErrors.fail("parameter", {
      place: "prompt",
      expected: "either prompt or messages",
      received: body.prompt == null ? "none" : "both",
    });
  const most = "room" in engine ? engine.room : engine.model.longest;
  let tokens: number[];
  if (body.messages != null) tokens = chatTokens(engines.find(modelOrOnly(body.model, engines)), turnsOf(body.messages));
  else if ("room" in engine && body.add_special_tokens !== false && body.prompt !== "") tokens = [...promptTokens(engine, body.prompt!)];
  else {
    const text = body.prompt!;
    // as for prompts: what cannot fit is not tokenized on the thread that serves everyone
    if (text.length > most * limits.charactersPerToken)
      throw serveErrors.fail("contextLength", {
        place: "prompt",
        expected: `at most ${most} tokens`,
        received: `${text.length} characters`,
      });
    tokens = Array.from(tokenizer.encode(text, { addSpecialTokens: body.add_special_tokens ?? true }));
  }
  const strings = body.return_token_strs ? { token_strs: tokens.map(t => tokenizer.decode([t])) } : {};
  return c.json({ tokens, count: tokens.length, max_model_len: most, ...strings });
}

export const detokenizeRequest = z.object({ model: z.string().nullish(), tokens: z.array(z.int().min(0)).max(1 << 20) });

/** llama.cpp calls the text `content`; its clients name no model. */
export async function detokenize(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(detokenizeRequest, await checkedBody(c, requestFields.detokenize));
  const { tokenizer } = nativeModel(c, services, body.model).model;
  checkTokens(tokenizer, body.tokens, "tokens");
  const prompt = tokenizer.decode(body.tokens);
  return c.json(bodyRead(c.req.raw)?.model == null ? { content: prompt, prompt } : { prompt });
}
