/** Parameters of vLLM's that say how a chat becomes a prompt, and OpenAI's and vLLM's of reasoning. Chats share them with other forms of a chat. */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";

/** OpenAI's, and those that some models add. */
const reasoningEfforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
export const reasoningEffort = z.enum(reasoningEfforts);

export const templateFields = {
  /** The answer goes on from the last message, which is the assistant's. */
  continue_final_message: z.boolean().nullish(),
  /** The prompt ends with the start of the assistant's turn; true when absent. */
  add_generation_prompt: z.boolean().nullish(),
  chat_template: z.string().max(limits.chatTemplateCharacters).nullish(),
  chat_template_kwargs: z.record(z.string().max(64), z.unknown()).nullish(),
  reasoning_effort: reasoningEffort.nullish(),
  /** Whether the response has the reasoning; true when absent. It is counted in either case. */
  include_reasoning: z.boolean().nullish(),
  /** Tokens of the reasoning at most. */
  thinking_token_budget: z.int().min(0).nullish(),
  /** llama.cpp: "none" leaves the reasoning where it stands in the answer. */
  reasoning_format: z.enum(["none", "auto", "deepseek"]).nullish(),
} as const;
