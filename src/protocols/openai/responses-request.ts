/** The body of POST /v1/responses. */
import { z } from "zod";
import { requestBounds as limits } from "../request-bounds.ts";
import { toolName } from "./chat-request.ts";
import { samplingFields } from "./sampling-fields.ts";

const parts = z.array(z.object({ type: z.enum(["input_text", "output_text", "text"]), text: z.string() }));
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
export const responsesRequest = z.object({
  ...sampling,
  input: z.union([z.string(), z.array(item).min(1).max(limits.messages)], { error: "a text, or a list of items" }),
  instructions: z.string().nullish(),
  previous_response_id: id.nullish(),
  store: z.boolean().nullish(),
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
  tool_choice: z
    .union([z.enum(["none", "auto", "required"]), z.object({ type: z.literal("function"), name: toolName })], {
      error: '"none", "auto", "required" or { type: "function", name }',
    })
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.looseObject({ format: format.nullish() }).nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
});
export type ResponsesRequest = z.output<typeof responsesRequest>;
