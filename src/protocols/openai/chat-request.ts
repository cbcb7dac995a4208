/** The body of POST /v1/chat/completions: messages, functions that the answer may call, and how it is drawn. */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";
import { samplingFields, tokenFields } from "./sampling-fields.ts";

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
    .union([z.enum(["none", "auto", "required"]), z.object({ type: z.literal("function"), function: z.object({ name: toolName }) })], {
      error: '"none", "auto", "required" or { type: "function", function: { name } }',
    })
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
} as const;

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const toolCall = z.object({
  id: z.string().max(256),
  type: z.literal("function").nullish(),
  function: z.object({ name: z.string().max(256), arguments: z.string() }),
});
const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
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
  messages: chatMessages,
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(limits.topLogprobs).nullish(),
});
