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
    truncate: done("loam"),
    texts: refused("tgi", notEmpty, "Send either documents or texts."),
    raw_scores: refused("tgi", notEmpty, "Send texts in place of documents: scores here are raw."),
    return_text: refused("tgi", notEmpty, "Use return_documents."),
    truncation_direction: refused("tgi", notEmpty, "Use truncation_side."),
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

/** The same address in the form of Text Embeddings Inference: texts in place of documents. */
export const teiRerankFields: RequestFields = {
  request: "POST /v1/rerank of texts",
  fields: {
    model: done("tgi"),
    query: done("tgi"),
    texts: done("tgi"),
    raw_scores: done("tgi"),
    return_text: done("tgi"),
    truncate: done("tgi"),
    truncation_direction: done("tgi"),
    top_n: done("llama.cpp"),
    return_documents: refused("cohere", notEmpty, "Use return_text."),
  },
};
