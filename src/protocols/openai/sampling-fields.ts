/**
 * Parameters that OpenAI's chat, completions and responses share: its own with their bounds, the common further ones (top_k, min_p,
 * repetition_penalty), vLLM's of beam search, and those that give an answer its form (`response_format`, `structured_outputs`, `guided_*`).
 */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";

const schema = z.union([z.record(z.string(), z.unknown()), z.boolean()], { error: "a JSON schema: an object" });
const schemaOrText = z.union([z.record(z.string(), z.unknown()), z.boolean(), z.string()], {
  error: "a JSON schema: an object, or its JSON as a text",
});
const choices = z.array(z.string()).min(1);

const responseFormat = z.discriminatedUnion(
  "type",
  [
    z.object({ type: z.literal("text") }),
    z.object({ type: z.literal("json_object"), schema: schema.nullish() }),
    z.object({
      type: z.literal("json_schema"),
      json_schema: z.object({
        /** Needed by OpenAI; llama.cpp's clients send none. */
        name: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "up to 64 letters, digits, _ and -" })
          .nullish(),
        description: z.string().nullish(),
        schema: schema.nullish(),
        strict: z.boolean().nullish(),
      }),
    }),
  ],
  { error: 'type "text", "json_object" or "json_schema"' },
);

const structuredFields = {
  response_format: responseFormat.nullish(),
  structured_outputs: z
    .object({
      json: schemaOrText.nullish(),
      json_object: z.boolean().nullish(),
      regex: z.string().nullish(),
      choice: choices.nullish(),
      grammar: z.string().nullish(),
      whitespace: z.enum(["compact", "spaced", "flexible"]).nullish(),
    })
    .nullish(),
  guided_json: schemaOrText.nullish(),
  guided_regex: z.string().nullish(),
  guided_choice: choices.nullish(),
  guided_grammar: z.string().nullish(),
  /** llama.cpp's names. An empty grammar asks for nothing. */
  grammar: z.string().nullish(),
  json_schema: schema.nullish(),
} as const;

export const searchFields = {
  use_beam_search: z.boolean().nullish(),
  /** Beams that are kept; as many as answers are asked for when absent. */
  beam_width: z.int().min(1).max(limits.answers).nullish(),
  length_penalty: z.number().min(-10).max(10).nullish(),
  early_stopping: z.union([z.boolean(), z.literal("never")], { error: 'true, false or "never"' }).nullish(),
  num_beam_groups: z.int().min(1).max(limits.answers).nullish(),
  diversity_penalty: z.number().min(0).max(100).nullish(),
} as const;

const bias = z.number().min(-limits.bias).max(limits.bias);
const logitBias = z.union(
  [
    z.record(z.string().regex(/^-?\d{1,9}$/), bias),
    z.array(z.tuple([z.union([z.int().min(0), z.string().min(1)]), z.union([bias, z.literal(false)])])).max(limits.biases),
  ],
  {
    error: `token ids with numbers from -${limits.bias} to ${limits.bias}, or a list of pairs: a token id or a text, and a number or false`,
  },
);

// A lone surrogate is no character: it could never match text, and would split one.
const stopText = z
  .string()
  .min(1)
  .max(limits.stopCharacters)
  .refine(s => !/\p{Surrogate}/u.test(s), { error: "whole characters" });

export const samplingFields = {
  model: z.string(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  /** 0 or -1 is off. */
  top_k: z.int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  /** 0, which would leave nothing, is taken for the smallest set. */
  typical_p: z.number().min(0).max(1).nullish(),
  /** 0 is off, 2 is its second algorithm; the first is not done. */
  mirostat: z.union([z.literal(0), z.literal(2)], { error: "0 (off) or 2" }).nullish(),
  mirostat_tau: z.number().gt(0).max(100).nullish(),
  mirostat_eta: z.number().gt(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).max(10).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  /** OpenAI's object, or llama.cpp's list of pairs, in which false bans. */
  logit_bias: logitBias.nullish(),
  /** llama.cpp's: repetition_penalty over the last tokens; -1 is all of them. */
  repeat_penalty: z.number().gt(0).max(10).nullish(),
  repeat_last_n: z.int().min(-1).max(limits.lastTokens).nullish(),
  dry_multiplier: z.number().min(0).max(100).nullish(),
  dry_base: z.number().min(0).max(100).nullish(),
  dry_allowed_length: z.int().min(0).max(limits.lastTokens).nullish(),
  dry_penalty_last_n: z.int().min(-1).max(limits.lastTokens).nullish(),
  dry_sequence_breakers: z.array(z.string().min(1).max(limits.wordCharacters)).min(1).max(limits.breakers).nullish(),
  xtc_probability: z.number().min(0).max(1).nullish(),
  xtc_threshold: z.number().min(0).max(1).nullish(),
  bad_words: z.array(z.string().min(1).max(limits.wordCharacters)).max(limits.words).nullish(),
  allowed_token_ids: z.array(z.int().min(0)).min(1).max(limits.allowedTokens).nullish(),
  min_tokens: z.int().min(0).nullish(),
  skip_special_tokens: z.boolean().nullish(),
  include_stop_str_in_output: z.boolean().nullish(),
  seed: z.number().refine(Number.isInteger, { error: "a whole number" }).nullish(),
  stop: z
    .union([stopText, z.array(stopText).max(limits.stops)], {
      error: `a text or up to ${limits.stops} texts of 1 to ${limits.stopCharacters} characters`,
    })
    .nullish(),
  stop_token_ids: z.array(z.int().min(0)).max(1024).nullish(),
  ignore_eos: z.boolean().nullish(),
  n: z.int().min(1).max(limits.answers).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish(), continuous_usage_stats: z.boolean().nullish() }).nullish(),
  user: z.string().nullish(),
  /** Only requests of the same salt share what is computed of equal prompts (as vLLM). */
  cache_salt: z.string().max(limits.cacheSaltCharacters).nullish(),
  ...searchFields,
  ...structuredFields,
} as const;

/** vLLM's of tokens in and out, and llama.cpp's name for the length; of chats and completions. */
export const tokenFields = {
  n_predict: z.int().min(-2).nullish(),
  truncate_prompt_tokens: z.int().min(-1).nullish(),
  truncation_side: z.enum(["left", "right"]).nullish(),
  /** The server's own bound is above it; -1 is the whole vocabulary. */
  prompt_logprobs: z.int().min(-1).nullish(),
  logprob_token_ids: z.array(z.int().min(0)).min(1).max(limits.likelihoodTokens).nullish(),
  return_token_ids: z.boolean().nullish(),
  return_tokens_as_token_ids: z.boolean().nullish(),
} as const;
export type TokenFields = z.output<z.ZodObject<typeof tokenFields>>;

export type SamplingFields = z.output<z.ZodObject<typeof samplingFields>>;
export type SearchFields = z.output<z.ZodObject<typeof searchFields>>;
export type StructuredFields = z.output<z.ZodObject<typeof structuredFields>>;
