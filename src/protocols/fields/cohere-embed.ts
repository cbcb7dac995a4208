/** POST /v2/embed: Cohere's request for vectors. Read beside: Cohere's API reference, vLLM's `CohereEmbedRequest`. */
import { done, harmless, notEmpty, type RequestFields, refused } from "./field.ts";

export const cohereEmbedFields: RequestFields = {
  request: "POST /v2/embed",
  fields: {
    model: done("cohere"),
    texts: done("cohere"),
    inputs: done("cohere"),
    embedding_types: done("cohere"),
    output_dimension: done("cohere"),
    truncate: done("cohere"),
    max_tokens: done("cohere"),
    input_type: harmless("cohere", "The served model has one kind of input."),
    priority: harmless("vllm", "Requests are served in the order in which they come."),
    images: refused("cohere", notEmpty, "Send texts: pictures are not read."),
  },
};
