/** POST /tokenize and /detokenize. Read beside: vLLM's `TokenizeCompletionRequest`, `TokenizeChatRequest`, `DetokenizeRequest`; llama.cpp's server. */
import { done, harmless, type RequestFields, refused, unless } from "./field.ts";

export const tokenizeFields: RequestFields = {
  request: "POST /tokenize",
  fields: {
    model: done("vllm"),
    prompt: done("vllm"),
    messages: done("vllm"),
    add_special_tokens: done("vllm"),
    return_token_strs: done("vllm"),
    add_generation_prompt: done("vllm"),
    continue_final_message: done("vllm"),
    chat_template: done("vllm"),
    chat_template_kwargs: done("vllm"),
    tools: done("vllm"),
    media_io_kwargs: harmless("vllm", "Only text is read."),
    mm_processor_kwargs: harmless("vllm", "Only text is read."),
    add_special: refused("llama.cpp", unless(true), "Use add_special_tokens."),
    parse_special: refused("llama.cpp", unless(true), "Leave it out: special tokens of a prompt are read."),
    with_pieces: refused("llama.cpp", unless(false), "Use return_token_strs."),
  },
};

export const detokenizeFields: RequestFields = {
  request: "POST /detokenize",
  fields: { model: done("vllm"), tokens: done("vllm") },
};
