/** POST /v1/embeddings. Read beside: OpenAI's SDK (`EmbeddingCreateParams`), vLLM's `EmbeddingCompletionRequest` and `EmbeddingChatRequest`. */
import { done, type FieldTable, harmless, notEmpty, type RequestFields, refused, unless } from "./field.ts";

const fields: FieldTable = {
  model: done("openai"),
  input: done("openai"),
  encoding_format: done("openai"),
  dimensions: done("openai"),
  truncate: done("loam"),
  user: harmless("openai", "It labels the request for the provider's own reports."),
  priority: harmless("vllm", "Requests are served in the order in which they come."),
  request_id: harmless("vllm", "Send the header x-request-id."),
  cache_salt: harmless("vllm", "Nothing of a text is kept."),
  mm_processor_kwargs: harmless("vllm", "Only text is read."),
  media_io_kwargs: harmless("vllm", "Only text is read."),
  messages: done("vllm"),
  truncate_prompt_tokens: done("vllm"),
  truncation_side: done("vllm"),
  padding: refused("vllm", unless("do_not_pad"), "Leave it out: no vector depends on padding."),
  add_special_tokens: done("vllm"),
  embed_dtype: done("vllm"),
  endianness: done("vllm"),
  use_activation: done("vllm"),
  normalize: done(["vllm", "tgi"]),
  chat_template: refused("vllm", notEmpty, "Start the server with --chat-template."),
  chat_template_kwargs: done("vllm"),
  add_generation_prompt: done("vllm"),
  continue_final_message: done("vllm"),
  embd_normalize: refused("llama.cpp", unless(2), "Leave it out: vectors are as the model's files say."),
  content: refused("llama.cpp", notEmpty, "Send input."),
  input_type: harmless("cohere", "The served model has one kind of input."),
  output_dtype: refused("cohere", unless("float"), "Use embed_dtype."),
};

export const embeddingsFields: RequestFields = { request: "POST /v1/embeddings", fields };
/** vLLM's form, of which an encoder has one task. */
export const poolingFields: RequestFields = { request: "POST /pooling", fields: { ...fields, task: done("vllm") } };
