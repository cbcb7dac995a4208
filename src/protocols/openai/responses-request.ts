/** The body of POST /v1/responses. */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";
import { toolName } from "./chat-request.ts";
import { samplingFields } from "./sampling-fields.ts";
import { reasoningEffort, templateFields } from "./template-fields.ts";

const parts = z.array(
  z.union([
    z.object({ type: z.enum(["input_text", "output_text", "text", "reasoning_text", "summary_text"]), text: z.string() }),
    z.object({ type: z.literal("refusal"), refusal: z.string() }).transform(({ refusal }) => ({ type: "text" as const, text: refusal })),
  ]),
);
const content = z.union([z.string(), parts], { error: "a text, or a list of parts of type input_text or output_text" });
const roles = ["user", "assistant", "system", "developer"] as const;
const id = z.string().max(256);

/** Every kind of item in one shape, so that what is wrong is named by its key; `itemMessage` asks for what its kind needs. */
const item = z.object({
  type: z.enum(["message", "function_call", "function_call_output", "reasoning", "item_reference"]).nullish(),
  id: id.nullish(),
  role: z.enum(roles).nullish(),
  content: content.nullish(),
  call_id: id.nullish(),
  name: id.nullish(),
  arguments: z.string().nullish(),
  output: content.nullish(),
  /** Of reasoning, where its text is not sent. */
  summary: parts.nullish(),
});
export type ResponsesItem = z.output<typeof item>;

const format = z.discriminatedUnion(
  "type",
  [
    z.object({ type: z.literal("text") }),
    z.object({ type: z.literal("json_object") }),
    z.object({
      type: z.literal("json_schema"),
      name: z.string().regex(/^[\w-]{1,64}$/, { error: "up to 64 letters, digits, _ and -" }),
      description: z.string().nullish(),
      schema: z.record(z.string(), z.unknown()),
      strict: z.boolean().nullish(),
    }),
  ],
  { error: 'type "text", "json_object" or "json_schema"' },
);

const { n: _, stream_options: __, response_format: ___, ...sampling } = samplingFields;
const { reasoning_effort: ____, continue_final_message: _____, add_generation_prompt: ______, ...template } = templateFields;
const choice = z.union(
  [
    z.enum(["none", "auto", "required"]),
    z.object({ type: z.literal("function"), name: toolName }),
    z.object({
      type: z.literal("allowed_tools"),
      mode: z.enum(["auto", "required"]),
      tools: z.array(z.object({ type: z.literal("function"), name: toolName })).min(1),
    }),
  ],
  { error: '"none", "auto", "required", { type: "function", name } or { type: "allowed_tools", mode, tools }' },
);
export const responsesRequest = z.object({
  ...sampling,
  ...template,
  input: z.union([z.string(), z.array(item).min(1).max(limits.messages)], { error: "a text, or a list of items" }),
  instructions: z.string().nullish(),
  previous_response_id: id.nullish(),
  store: z.boolean().nullish(),
  /** The response is made after its request was answered. */
  background: z.boolean().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  tools: z
    .array(
      z.object({
        type: z.literal("function"),
        name: toolName,
        description: z.string().nullish(),
        parameters: z.record(z.string(), z.unknown()).nullish(),
        strict: z.boolean().nullish(),
      }),
    )
    .max(limits.tools)
    .nullish(),
  tool_choice: choice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.looseObject({ format: format.nullish() }).nullish(),
  /** What of the response is told beside it: log-probabilities by "message.output_text.logprobs". */
  include: z.array(z.string().max(64)).max(16).nullish(),
  /** The server's own bound is above it; -1 is the whole vocabulary, as in vLLM. */
  top_logprobs: z.int().min(-1).nullish(),
  reasoning: z.looseObject({ effort: reasoningEffort.nullish() }).nullish(),
  /** Whether the oldest items of a conversation that is too long are left out. */
  truncation: z.enum(["auto", "disabled"]).nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
  /** vLLM's: the texts and tokens that went into the model and came out of it, as they were. */
  enable_response_messages: z.boolean().nullish(),
  /** llama.cpp's: figures beside the events of a stream. */
  timings_per_token: z.boolean().nullish(),
  return_progress: z.boolean().nullish(),
});
export type ResponsesRequest = z.output<typeof responsesRequest>;
