/** How a chat is written for the model, and its reasoning: fields of vLLM and llama.cpp that every form of a chat of OpenAI's takes. */
import { done, type FieldTable } from "./field.ts";

export const templateRows: FieldTable = {
  chat_template: done("vllm"),
  chat_template_kwargs: done(["vllm", "llama.cpp"]),
  include_reasoning: done("vllm"),
  thinking_token_budget: done("vllm"),
  reasoning_format: done("llama.cpp"),
};
