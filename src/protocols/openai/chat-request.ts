/** The body of POST /v1/chat/completions: messages, functions that the answer may call, and how it is drawn. */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";
import { samplingFields, tokenFields } from "./sampling-fields.ts";
import { templateFields } from "./template-fields.ts";

/** OpenAI's rule for names of functions. */
export const toolName = z.string().regex(/^[\w-]{1,64}$/, { error: "1 to 64 letters, digits, _ or -" });
const parameters = z.record(z.string(), z.unknown());

const toolFields = {
  tools: z
    .array(
      z.object({
        type: z.literal("function"),
        function: z.object({
          name: toolName,
          description: z.string().nullish(),
          parameters: parameters.nullish(),
          strict: z.boolean().nullish(),
        }),
      }),
    )
    .max(limits.tools)
    .nullish(),
  tool_choice: z
    .union(
      [
        z.enum(["none", "auto", "required"]),
        z.object({ type: z.literal("function"), function: z.object({ name: toolName }) }),
        z.object({
          type: z.literal("allowed_tools"),
          allowed_tools: z.object({
            mode: z.enum(["auto", "required"]),
            tools: z.array(z.object({ type: z.literal("function"), function: z.object({ name: toolName }) })).min(1),
          }),
        }),
      ],
      { error: '"none", "auto", "required", { type: "function", function: { name } } or { type: "allowed_tools", allowed_tools }' },
    )
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
} as const;

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const toolCall = z.object({
  id: z.string().max(256),
  type: z.literal("function").nullish(),
  function: z.object({ name: z.string().max(256), arguments: z.string() }),
});
/** Roles of OpenAI's API. */
export const chatRoles = ["system", "developer", "user", "assistant", "tool", "function"] as const;
/** Others are for the chat template to know. They stand in the prompt, so no special token can be written with them. */
const role = z.string().regex(/^[\w.-]{1,64}$/, { error: "1 to 64 letters, digits, _, - or ." });
const message = z.looseObject({
  role,
  content: z.union([z.string(), z.array(textPart)], { error: "a text, or a list of parts of type text" }).nullish(),
  tool_calls: z.array(toolCall).max(limits.tools).nullish(),
  tool_call_id: z.string().max(256).nullish(),
});
export const chatMessages = z.array(message).min(1).max(limits.messages);
export type ChatMessages = z.output<typeof chatMessages>;

export const chatRequest = z.object({
  ...samplingFields,
  ...tokenFields,
  ...toolFields,
  ...templateFields,
  /** llama.cpp's names of `thinking_token_budget`: -1 is no bound. */
  reasoning_budget_tokens: z.int().min(-1).nullish(),
  thinking_budget_tokens: z.int().min(-1).nullish(),
  messages: chatMessages,
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  /** llama.cpp's: figures beside the answer. */
  timings_per_token: z.boolean().nullish(),
  return_progress: z.boolean().nullish(),
  verbose: z.boolean().nullish(),
  /** vLLM's: the answer begins with the last message, where that is the assistant's. */
  echo: z.boolean().nullish(),
  logprobs: z.boolean().nullish(),
  /** The server's own bound is above it; -1 is the whole vocabulary, as in vLLM. */
  top_logprobs: z.int().min(-1).nullish(),
});
