/** POST /v1/rerank: the form that Jina and Cohere share. Read beside: vLLM's `RerankRequest`. */
import { done, harmless, notEmpty, type RequestFields, refused, unless } from "./field.ts";

export const rerankFields: RequestFields = {
  request: "POST /v1/rerank",
  fields: {
    model: done("cohere"),
    query: done("cohere"),
    documents: done("cohere"),
    top_n: done("cohere"),
    return_documents: done("cohere"),
    texts: done("tgi"),
    raw_scores: done("tgi"),
    return_text: done("tgi"),
    truncation_direction: done("tgi"),
    truncate: done(["loam", "tgi"]),
    user: harmless("vllm", "It labels the request for the provider's own reports."),
    priority: harmless("vllm", "Requests are served in the order in which they come."),
    request_id: harmless("vllm", "Send the header x-request-id."),
    cache_salt: harmless("vllm", "Nothing of a text is kept."),
    mm_processor_kwargs: harmless("vllm", "Only text is read."),
    max_chunks_per_doc: harmless("cohere", "Documents are read whole."),
    max_tokens_per_doc: refused("cohere", unless(0), "Use truncate, or shorten documents."),
    max_tokens_per_query: refused("vllm", unless(0), "Use truncate, or shorten query."),
    truncate_prompt_tokens: done("vllm"),
    truncation_side: done("vllm"),
    padding: refused("vllm", unless("do_not_pad"), "Leave it out: no score depends on padding."),
    rank_fields: refused("cohere", notEmpty, "Send documents as texts."),
    instruction: refused("vllm", notEmpty, "Write it into query."),
    use_activation: refused("vllm", unless(true), "Leave it out: scores are cosines."),
    chat_template_kwargs: refused("vllm", notEmpty, "Leave it out."),
  },
};
