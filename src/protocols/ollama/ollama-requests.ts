/** Bodies of Ollama's API (docs/api.md of ollama/ollama): /api/generate, /api/chat, /api/embed. */
import { z } from "zod";
import { toolName } from "../openai/chat-request.ts";
import { requestBounds as limits } from "../request-bounds.ts";

const stop = z.string().min(1).max(limits.stopCharacters);
const options = z
  .object({
    /** -1 and -2: what the context leaves. */
    num_predict: z.int().min(-2).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_k: z.int().min(-1).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    min_p: z.number().min(0).max(1).nullish(),
    typical_p: z.number().min(0).max(1).nullish(),
    /** 0 is off, 2 is its second algorithm; the first is not done. */
    mirostat: z.union([z.literal(0), z.literal(2)], { error: "0 (off) or 2" }).nullish(),
    mirostat_tau: z.number().gt(0).max(100).nullish(),
    mirostat_eta: z.number().gt(0).max(1).nullish(),
    /** Tokens that repeat_penalty sees: 64 where absent, 0 for none, -1 for all. */
    repeat_last_n: z.int().min(-1).nullish(),
    repeat_penalty: z.number().gt(0).max(10).nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    /** Below 0: drawn anew. */
    seed: z.int().nullish(),
    stop: z.union([stop, z.array(stop).max(limits.stops)], { error: `a text, or up to ${limits.stops}` }).nullish(),
  })
  .nullish();
export type OllamaOptions = z.output<typeof options>;

/** `"json"`, or a JSON schema. An empty text is none. */
const format = z.union([z.enum(["", "json"]), z.record(z.string(), z.unknown())], { error: '"json" or a JSON schema' }).nullish();
export type OllamaFormat = z.output<typeof format>;

/** The efforts are of models whose template knows them; to others they are `true`. An empty text is none. */
const think = z.union([z.boolean(), z.enum(["", "low", "medium", "high"])], { error: 'true, false, "low", "medium" or "high"' }).nullish();
export type OllamaThink = z.output<typeof think>;

const keepAlive = z.union([z.string(), z.number()], { error: 'seconds, or a time such as "5m"' }).nullish();
const common = {
  model: z.string(),
  stream: z.boolean().nullish(),
  format,
  options,
  keep_alive: keepAlive,
  think,
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(limits.topLogprobs).nullish(),
};
export const ollamaGenerateRequest = z.object({
  ...common,
  prompt: z.string().nullish(),
  suffix: z.string().nullish(),
  system: z.string().nullish(),
  context: z.array(z.int().min(0)).max(limits.contextTokens).nullish(),
  raw: z.boolean().nullish(),
});
export const ollamaChatRequest = z.object({
  ...common,
  messages: z
    .array(
      z.object({
        role: z.enum(["system", "user", "assistant", "tool"]),
        content: z.string().nullish(),
        thinking: z.string().nullish(),
        images: z.array(z.unknown()).max(0, { error: "no images: only text is read" }).nullish(),
        tool_calls: z
          .array(z.object({ function: z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }) }))
          .max(limits.tools)
          .nullish(),
        tool_name: z.string().nullish(),
      }),
    )
    .max(limits.messages)
    .nullish(),
  tools: z
    .array(
      z.object({
        type: z.literal("function").nullish(),
        function: z.object({
          name: toolName,
          description: z.string().nullish(),
          parameters: z.record(z.string(), z.unknown()).nullish(),
        }),
      }),
    )
    .max(limits.tools)
    .nullish(),
});

const text = z.string();
export const ollamaEmbedRequest = z.object({
  model: z.string(),
  input: z.union([text, z.array(text).max(limits.embeddingTexts)], { error: "a text, or a list of texts" }).nullish(),
  truncate: z.boolean().nullish(),
  dimensions: z.int().min(1).nullish(),
  keep_alive: keepAlive,
});
/** The older form, of one text. */
export const ollamaEmbeddingsRequest = z.object({ model: z.string(), prompt: text.nullish(), keep_alive: keepAlive });
