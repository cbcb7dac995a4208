/** POST /v1/score: how likely a text is. Loam's own; vLLM's request of the same address compares texts, which is /v1/rerank here. */
import { done, harmless, notEmpty, refused, type RequestFields, unless } from "./field.ts";

export const scoreFields: RequestFields = {
  request: "POST /v1/score",
  fields: {
    model: done("loam"),
    input: done("loam"),
    prompt: done("loam"),
    top_logprobs: done("loam"),
    user: harmless("openai", "It labels the request for the provider's own reports."),
  },
};

/** vLLM's request of the same address: the likeness of texts. */
export const compareFields: RequestFields = {
  request: "POST /v1/score of two sides",
  fields: {
    model: done("vllm"),
    queries: done("vllm"),
    documents: done("vllm"),
    items: done("vllm"),
    text_1: done("vllm"),
    text_2: done("vllm"),
    data_1: done("vllm"),
    data_2: done("vllm"),
    truncate_prompt_tokens: done("vllm"),
    truncation_side: done("vllm"),
    user: harmless("vllm", "It labels the request for the provider's own reports."),
    priority: harmless("vllm", "Requests are served in the order in which they come."),
    request_id: harmless("vllm", "Send the header x-request-id."),
    cache_salt: harmless("vllm", "Nothing of a text is kept."),
    mm_processor_kwargs: harmless("vllm", "Only text is read."),
    use_activation: refused("vllm", unless(true), "Leave it out: scores are cosines."),
    instruction: refused("vllm", notEmpty, "Write it into queries."),
    chat_template_kwargs: refused("vllm", notEmpty, "Leave it out."),
    max_tokens_per_query: refused("vllm", unless(0), "Use truncate_prompt_tokens, or shorten queries."),
    max_tokens_per_doc: refused("vllm", unless(0), "Use truncate_prompt_tokens, or shorten documents."),
  },
};
