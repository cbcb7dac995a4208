/**
 * The bodies of requests for vectors and likeness: OpenAI's embeddings with vLLM's and llama.cpp's further fields, rerank in the form that Jina and
 * Cohere share and in that of Text Embeddings Inference (TEI), vLLM's score of pairs, Cohere's embed.
 */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";
import { vectorOrders, vectorTypes } from "../vector-bytes.ts";
import { chatMessages } from "./chat-request.ts";

const text = z.string().min(1);
/** The model says which there are. */
const token = z.int();
/** One text: as it is, as tokens, as tokens with texts among them, or as parts of a content (llama.cpp's forms). */
const one = z.union([
  text,
  z.array(token).min(1),
  z
    .array(z.union([token, text]))
    .min(1)
    .refine(parts => parts.some(part => typeof part === "number"), {
      error: "a text, a list of token ids, or such a list with texts among them",
    }),
  z.object({ prompt_string: text }),
  z.object({ content: z.array(z.object({ type: z.literal("text"), text: z.string() })).min(1) }),
]);
type OneInput = z.output<typeof one>;
const input = z.union([one, z.array(one).min(1).max(limits.embeddingTexts)], {
  error: `a text, a list of token ids, or a list of up to ${limits.embeddingTexts} of either, none empty`,
});

/** What of a long text is read: so many tokens at most, its own around it included; -1 for what the model reads. */
const truncation = {
  truncate_prompt_tokens: z
    .int()
    .refine(n => n === -1 || n > 0, { error: "a number above 0, or -1 for what the model reads" })
    .nullish(),
  truncation_side: z.enum(["left", "right"]).nullish(),
};

export const embeddingsRequest = z.object({
  model: z.string(),
  input: input.optional(),
  /** vLLM's: a chat, which the operator's template writes as one text. */
  messages: chatMessages.nullish(),
  add_generation_prompt: z.boolean().nullish(),
  continue_final_message: z.boolean().nullish(),
  chat_template_kwargs: z.record(z.string().max(64), z.unknown()).nullish(),
  /** `bytes` and `bytes_only` are vLLM's: the vectors one after another, with a header that says where each is, or without. */
  encoding_format: z.enum(["float", "base64", "bytes", "bytes_only"]).nullish(),
  embed_dtype: z.enum(vectorTypes).nullish(),
  endianness: z.enum(vectorOrders).nullish(),
  dimensions: z.int().min(1).nullish(),
  /** Not OpenAI's: reads the start of texts that are too long for the model. */
  truncate: z.boolean().nullish(),
  ...truncation,
  add_special_tokens: z.boolean().nullish(),
  /** Scales vectors to length 1: TEI's name, and vLLM's. */
  normalize: z.boolean().nullish(),
  use_activation: z.boolean().nullish(),
  user: z.string().nullish(),
});

/** The texts and tokens of an input, one after another. */
export type EmbeddingInput = string | readonly (string | number)[];

const partsOf = (given: OneInput): EmbeddingInput =>
  typeof given === "string" || Array.isArray(given)
    ? given
    : "prompt_string" in given
      ? given.prompt_string
      : given.content.map(part => part.text).join("");

/** The inputs of a request: a list that has a number in it is one. */
export function embeddingInputs(given: z.output<typeof input>): EmbeddingInput[] {
  if (!Array.isArray(given)) return [partsOf(given)];
  const isOne = given.some(part => typeof part === "number");
  return isOne ? [given as (string | number)[]] : (given as OneInput[]).map(partsOf);
}

const documents = z
  .array(z.union([text, z.object({ text })], { error: "a text, or { text }" }))
  .min(1)
  .max(limits.rerankDocuments);

export const rerankRequest = z.object({
  model: z.string(),
  query: text,
  documents,
  top_n: z.int().min(1).nullish(),
  return_documents: z.boolean().nullish(),
  truncate: z.boolean().nullish(),
  ...truncation,
});

/** TEI's `/rerank`: answered with a list. */
export const teiRerankRequest = z.object({
  model: z.string(),
  query: text,
  texts: z.array(text).min(1).max(limits.rerankDocuments),
  /** TEI's default is a score from 0 to 1; raw ones are what the model gives. */
  raw_scores: z.boolean().nullish(),
  return_text: z.boolean().nullish(),
  truncate: z.boolean().nullish(),
  truncation_direction: z.enum(["left", "right", "Left", "Right"]).nullish(),
  top_n: z.int().min(1).nullish(),
});

const side = z.union([text, z.array(text).min(1).max(limits.rerankDocuments)], {
  error: `a text, or a list of up to ${limits.rerankDocuments} texts, none empty`,
});
/** vLLM's `/score`: likeness of one text to others, or of pairs. The sides have several names. */
export const compareRequest = z.object({
  model: z.string(),
  queries: side.nullish(),
  documents: side.nullish(),
  items: side.nullish(),
  text_1: side.nullish(),
  text_2: side.nullish(),
  data_1: side.nullish(),
  data_2: side.nullish(),
  ...truncation,
});

const cohereTypes = ["float", "binary", "ubinary", "base64"] as const;
/** What Cohere's models were trained to tell apart. */
export const cohereInputTypes = ["search_document", "search_query", "classification", "clustering", "image"] as const;
/** Cohere's `/v2/embed`. */
export const cohereEmbedRequest = z.object({
  model: z.string(),
  texts: z.array(z.string()).min(1).max(limits.embeddingTexts).nullish(),
  inputs: z
    .array(z.object({ content: z.array(z.object({ type: z.literal("text"), text: z.string() })).min(1) }))
    .min(1)
    .max(limits.embeddingTexts)
    .nullish(),
  input_type: z.string().nullish(),
  embedding_types: z.array(z.enum(cohereTypes)).min(1).nullish(),
  output_dimension: z.int().min(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  truncate: z.enum(["NONE", "START", "END"]).nullish(),
});
