/**
 * POST /tokenize and /detokenize: the tokens that a text is to a model, and the text that tokens are. vLLM's form; a body with llama.cpp's `content`, or
 * tokens without a model, is answered in llama.cpp's (`llama-cpp/native-tokenize.ts`).
 */
import { z } from "zod";
import { chatMessages, chatRequest, requestFields } from "../../protocols/index.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { checkTokens } from "../padded-vocabulary.ts";
import { bodyRead } from "./body.ts";
import { chatPromptTokens } from "./chat.ts";
import { type AppContext, bodyOf, type Services } from "./exchange.ts";
import { nativeModel } from "./llama-cpp/native-model.ts";
import { nativeTokenize } from "./llama-cpp/native-tokenize.ts";
import { modelOrOnly } from "./only-model.ts";
import { parseBody } from "./parse.ts";
import { promptTokens } from "./prompt.ts";
import { checkedBody, checkFields } from "./request-fields.ts";

const ofChat = chatRequest.shape;

export const tokenizeRequest = z.object({
  /** The only model when absent, as in vLLM. */
  model: z.string().nullish(),
  prompt: z.string().nullish(),
  messages: chatMessages.nullish(),
  /** Special tokens of the model around the text: true when absent. Of a chat, before what its template writes: false when absent. */
  add_special_tokens: z.boolean().nullish(),
  /** The tokens as the vocabulary writes them, too. */
  return_token_strs: z.boolean().nullish(),
  tools: ofChat.tools,
  add_generation_prompt: ofChat.add_generation_prompt,
  continue_final_message: ofChat.continue_final_message,
  chat_template: ofChat.chat_template,
  chat_template_kwargs: ofChat.chat_template_kwargs,
});

type TokenizeRequest = z.output<typeof tokenizeRequest>;

/** A text's tokens. Errors: serve/contextLength for one that cannot fit. */
function textTokens(engine: Engine | EmbeddingEngine, most: number, text: string, addSpecialTokens: boolean): number[] {
  if ("room" in engine && addSpecialTokens && text !== "") return [...promptTokens(engine, text)];
  // as for prompts: what cannot fit is not tokenized on the thread that serves everyone
  if (text.length > most * limits.charactersPerToken)
    throw serveErrors.fail("contextLength", {
      place: "prompt",
      expected: `at most ${most} tokens`,
      received: `${text.length} characters`,
    });
  return Array.from(engine.model.tokenizer.encode(text, { addSpecialTokens }));
}

/** The tokens that /v1/chat/completions would put the same messages to the model as. Errors as there. */
function messageTokens(c: AppContext, services: Services, body: TokenizeRequest): number[] {
  const { model, messages, tools, add_generation_prompt, continue_final_message, chat_template, chat_template_kwargs } = body;
  const chat = { model, messages, tools, add_generation_prompt, continue_final_message, chat_template, chat_template_kwargs };
  const tokens = [...chatPromptTokens(c, services, chat)];
  const { startToken } = services.engines.find(modelOrOnly(model, services.engines)).model;
  return body.add_special_tokens === true && startToken !== undefined ? [startToken, ...tokens] : tokens;
}

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
  const tokens =
    body.prompt == null ? messageTokens(c, services, body) : textTokens(engine, most, body.prompt, body.add_special_tokens !== false);
  const nameOf = (id: number) => tokenizer.tokenOf?.(id) ?? tokenizer.decode([id]);
  const strings = body.return_token_strs ? tokens.map(nameOf) : null;
  return c.json({ tokens, count: tokens.length, max_model_len: most, token_strs: strings });
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
