/** POST /v1/chat/completions. Read beside: OpenAI's SDK (`CompletionCreateParams`), vLLM's `ChatCompletionRequest`, llama.cpp's server. */
import { always, done, harmless, notEmpty, type RequestFields, refused, unless } from "./field.ts";
import { generationRows, tokenRows } from "./sampling.ts";
import { templateRows } from "./template.ts";

const reasons = "Leave it out: the marks of reasoning are read off the model's chat template.";
const llamaParser = "Leave it out: the form of calls is read off the model's chat template.";

export const chatFields: RequestFields = {
  request: "POST /v1/chat/completions",
  fields: {
    ...generationRows,
    messages: done("openai"),
    tools: done("openai"),
    tool_choice: done("openai"),
    parallel_tool_calls: done("openai"),
    max_tokens: done("openai"),
    max_completion_tokens: done("openai"),
    logprobs: done("openai"),
    top_logprobs: done("openai"),
    n_predict: done("llama.cpp"),
    best_of: refused("vllm", unless(1), "Use n, or /v1/completions."),
    functions: refused("openai", notEmpty, "Use tools, which took their place."),
    function_call: refused("openai", unless("none"), "Use tool_choice, which took its place."),
    modalities: refused("openai", v => Array.isArray(v) && v.some(m => m !== "text"), 'Only "text" is answered.'),
    audio: refused("openai", always, "Only text is answered."),
    prediction: refused("openai", always, "Leave it out: it changes speed only."),
    web_search_options: refused("openai", always, "Leave it out: this server searches nothing."),
    verbosity: harmless("openai", "Models of a provider's own know it; ask for a short answer in words."),
    store: refused("openai", unless(false), "Use /v1/responses, whose responses are kept."),
    metadata: harmless("openai", "It labels completions that are kept, and none are."),
    echo: done("vllm"),
    add_special_tokens: refused("vllm", unless(false), "Leave it out: the chat template writes special tokens."),
    documents: refused("vllm", notEmpty, "Write them into messages."),
    continue_final_message: done("vllm"),
    add_generation_prompt: done("vllm"),
    reasoning_effort: done(["openai", "vllm"]),
    ...templateRows,
    ...tokenRows,
    return_prompt_text: refused("vllm", unless(false), "Use /tokenize and /detokenize."),
    n_probs: refused("llama.cpp", unless(0), "Use logprobs and top_logprobs."),
    return_tokens: refused("llama.cpp", unless(false), "Use /tokenize."),
    reasoning_control: refused("llama.cpp", unless(false), reasons),
    reasoning_budget_tokens: done("llama.cpp"),
    thinking_budget_tokens: done("llama.cpp"),
    reasoning_budget_message: refused("llama.cpp", notEmpty, reasons),
    reasoning_budget_start_tag: refused("llama.cpp", notEmpty, reasons),
    reasoning_budget_end_tag: refused("llama.cpp", notEmpty, reasons),
    reasoning_budget_end_tags: refused("llama.cpp", notEmpty, reasons),
    generation_prompt: refused("llama.cpp", notEmpty, llamaParser),
    parse_tool_calls: refused("llama.cpp", unless(true), "Leave tools out."),
    chat_format: refused("llama.cpp", always, llamaParser),
    chat_parser: refused("llama.cpp", notEmpty, llamaParser),
    grammar_lazy: refused("llama.cpp", unless(false), llamaParser),
    grammar_triggers: refused("llama.cpp", notEmpty, llamaParser),
    grammar_type: refused("llama.cpp", notEmpty, llamaParser),
    preserved_tokens: refused("llama.cpp", notEmpty, llamaParser),
  },
};
