/** POST /v1/completions. Read beside: OpenAI's SDK, vLLM's `CompletionRequest`, llama.cpp's server. */
import { always, done, notEmpty, type RequestFields, refused, unless } from "./field.ts";
import { generationRows, tokenRows } from "./sampling.ts";

export const completionsFields: RequestFields = {
  request: "POST /v1/completions",
  fields: {
    ...generationRows,
    prompt: done("openai"),
    max_tokens: done("openai"),
    echo: done("openai"),
    best_of: done("openai"),
    logprobs: done("openai"),
    suffix: refused("openai", notEmpty, "Leave it out: the served model completes from the left only."),
    n_predict: done("llama.cpp"),
    add_special_tokens: done("vllm"),
    prompt_embeds: refused("vllm", notEmpty, "Send prompt as a text or as tokens."),
    ...tokenRows,
    thinking_token_budget: refused("vllm", always, "Leave it out: a completion does not reason apart from its text."),
    n_probs: refused("llama.cpp", unless(0), "Use logprobs."),
    return_tokens: refused("llama.cpp", unless(false), "Use /tokenize."),
  },
};
