/**
 * The bodies of llama.cpp's own API (`tools/server`): /completion, /infill, /embedding, /tokenize, /detokenize, /apply-template. As there, null means
 * "not given", and a number outside of its range is moved to the range's end where the sampler has one.
 */
import { z } from "zod";
import { chatMessages } from "../openai/chat-request.ts";
import { requestBounds as limits } from "../request-bounds.ts";

const token = z.int().min(0);
/** Texts and tokens in a row, put together. */
const mixed = z.array(z.union([z.string(), token], { error: "a text or a token id" })).min(1);
const withObject = z.object({ prompt_string: z.union([z.string(), mixed], { error: "a text" }), multimodal_data: z.unknown().nullish() });
const onePrompt = z.union([z.string(), mixed, withObject], { error: "a text, a list of texts and token ids, or { prompt_string }" });

/** One prompt, or several: a list that holds a token id is one. */
const nativePrompt = z.union([z.string(), mixed, withObject, z.array(onePrompt).min(1).max(limits.answers)], {
  error: `a text, a list of texts and token ids, { prompt_string }, or up to ${limits.answers} of them`,
});
export type NativePrompt = z.output<typeof nativePrompt>;

const number = z.number().nullish();
const count = z.int().min(-1).nullish();
const flag = z.boolean().nullish();

/** Fields that say how tokens are drawn. */
const samplers = {
  temperature: number,
  top_k: z.int().nullish(),
  top_p: number,
  min_p: number,
  typical_p: number,
  mirostat: z.int().min(0).max(2).nullish(),
  mirostat_tau: z.number().gt(0).max(100).nullish(),
  mirostat_eta: z.number().gt(0).max(1).nullish(),
  repeat_penalty: z.number().gt(0).max(10).nullish(),
  repeat_last_n: count,
  presence_penalty: z.number().min(-100).max(100).nullish(),
  frequency_penalty: z.number().min(-100).max(100).nullish(),
  xtc_probability: number,
  xtc_threshold: number,
  dry_multiplier: z.number().min(0).max(100).nullish(),
  dry_base: z.number().min(0).max(100).nullish(),
  dry_allowed_length: z.int().min(0).max(limits.lastTokens).nullish(),
  dry_penalty_last_n: z.int().min(-1).max(limits.lastTokens).nullish(),
  dry_sequence_breakers: z.array(z.string()).min(1).max(64).nullish(),
  samplers: z
    .union([z.string().max(64), z.array(z.string()).max(64)], { error: "names of samplers, or their letters as one text" })
    .nullish(),
  seed: z.number().refine(Number.isInteger, { error: "a whole number" }).nullish(),
  ignore_eos: flag,
  logit_bias: z
    .union(
      [
        z.array(z.tuple([z.union([z.string(), token]), z.union([z.number(), z.literal(false)])])).max(4096),
        z.record(z.string(), z.union([z.number(), z.literal(false)])),
      ],
      { error: "pairs of a token id or text and a number or false, as lists or as an object" },
    )
    .nullish(),
} as const;

const nativeStop = z.string().max(limits.stopCharacters);
/** A list may hold more stop strings than OpenAI's: chat front ends send one for each speaker. */
const nativeStops = 64;

/** The fields of a completion beside its prompt. */
const completionFields = {
  model: z.string().nullish(),
  n_predict: count,
  max_tokens: count,
  max_completion_tokens: count,
  n_cmpl: z.int().min(1).max(limits.answers).nullish(),
  n: z.int().min(1).max(limits.answers).nullish(),
  stop: z.union([nativeStop, z.array(nativeStop).max(nativeStops)], { error: `a text or up to ${nativeStops} texts` }).nullish(),
  stream: flag,
  n_probs: z.int().min(0).max(limits.nativeProbabilities).nullish(),
  logprobs: z.int().min(0).max(limits.nativeProbabilities).nullish(),
  post_sampling_probs: flag,
  return_tokens: flag,
  response_fields: z.array(z.string().max(200)).max(100).nullish(),
  timings_per_token: flag,
  return_progress: flag,
  cache_prompt: flag,
  cache_salt: z.string().max(limits.cacheSaltCharacters).nullish(),
  n_indent: z.int().min(0).nullish(),
  t_max_predict_ms: number,
  lora: z
    .array(z.object({ id: z.int().min(0), scale: z.number() }))
    .max(1024)
    .nullish(),
  grammar: z.string().nullish(),
  json_schema: z.union([z.record(z.string(), z.unknown()), z.boolean()], { error: "a JSON schema: an object" }).nullish(),
  ...samplers,
} as const;

export const nativeCompletionRequest = z.object({ prompt: nativePrompt, ...completionFields });
export type NativeCompletion = Omit<z.output<typeof nativeCompletionRequest>, "prompt">;

export const infillRequest = z.object({
  prompt: z.string().nullish(),
  input_prefix: z.union([z.string(), mixed], { error: "a text" }),
  input_suffix: z.union([z.string(), mixed], { error: "a text" }),
  input_extra: z
    .array(z.object({ text: z.string(), filename: z.string().nullish() }))
    .max(1024)
    .nullish(),
  ...completionFields,
});

/** `input` is OpenAI's name for `content`. */
export const nativeEmbeddingRequest = z.object({
  model: z.string().nullish(),
  content: nativePrompt.nullish(),
  input: nativePrompt.nullish(),
  embd_normalize: z.int().min(-1).nullish(),
  encoding_format: z.literal("float").nullish(),
});

export const nativeTokenizeRequest = z.object({
  model: z.string().nullish(),
  content: z.union([z.string(), mixed], { error: "a text, or a list of texts and token ids" }),
  /** The model's start token before the text; false when absent. */
  add_special: flag,
  /** Special tokens that the text spells are read as such; true when absent. */
  parse_special: flag,
  with_pieces: flag,
});

export const applyTemplateRequest = z.object({
  model: z.string().nullish(),
  messages: chatMessages,
  tools: z.array(z.record(z.string(), z.unknown())).max(limits.tools).nullish(),
  add_generation_prompt: flag,
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
});

/** Scales of adapters by their number in the list. */
export const loraScales = z.array(z.object({ id: z.int().min(0), scale: z.number() })).max(1024);
