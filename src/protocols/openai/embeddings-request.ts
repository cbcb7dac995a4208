/** The bodies of POST /v1/embeddings, and of /v1/rerank in the form that Jina and Cohere share. */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";

const text = z.string().min(1);
const tokens = z.array(z.int().min(0)).min(1);
export const embeddingsRequest = z.object({
  model: z.string(),
  input: z.union([text, z.array(text).min(1).max(limits.embeddingTexts), tokens, z.array(tokens).min(1).max(limits.embeddingTexts)], {
    error: `a text, a list of token ids, or a list of up to ${limits.embeddingTexts} of either, none empty`,
  }),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().min(1).nullish(),
  /** Not OpenAI's: reads the start of texts that are too long for the model. */
  truncate: z.boolean().nullish(),
  user: z.string().nullish(),
});

export const rerankRequest = z.object({
  model: z.string(),
  query: text,
  documents: z
    .array(z.union([text, z.object({ text })], { error: "a text, or { text }" }))
    .min(1)
    .max(limits.rerankDocuments),
  top_n: z.int().min(1).nullish(),
  return_documents: z.boolean().nullish(),
  truncate: z.boolean().nullish(),
});
