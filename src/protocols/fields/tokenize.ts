/** POST /tokenize and /detokenize. Read beside: vLLM's `TokenizeCompletionRequest`, `TokenizeChatRequest`, `DetokenizeRequest`; llama.cpp's server. */
import { done, harmless, notEmpty, type RequestFields, refused, unless } from "./field.ts";

export const tokenizeFields: RequestFields = {
  request: "POST /tokenize",
  fields: {
    model: done("vllm"),
    prompt: done("vllm"),
    messages: done("vllm"),
    add_special_tokens: done("vllm"),
    return_token_strs: done("vllm"),
    add_generation_prompt: refused("vllm", unless(true), "Leave it out: the answer begins a turn of the assistant's."),
    continue_final_message: refused("vllm", unless(false), "Send prompt."),
    chat_template: refused("vllm", notEmpty, "Leave it out: the model's own is used."),
    chat_template_kwargs: refused("vllm", notEmpty, "Leave it out: the template is given messages."),
    tools: refused("vllm", notEmpty, "Send prompt."),
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
