/** The body of POST /v1/responses: its items to the turns of a chat, its tools to those of a chat. */
import { z } from "zod";
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type ChatMessages, turnsOf } from "../chat-messages.ts";
import type { Refusals } from "../parse.ts";
import { type SamplingFields, samplingFields } from "../sampling-fields.ts";
import { toolName, toolUse } from "../tools/tool.ts";

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
export type Item = z.output<typeof item>;

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
export const requestSchema = z.object({
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
export type ResponsesBody = z.output<typeof requestSchema>;

export const responsesRefusals: Refusals = {
  conversation: { asks: () => true, instead: "Name the last response as previous_response_id." },
  background: { asks: v => v === true, instead: "Leave it out: answers are given at once." },
  truncation: { asks: v => v !== "disabled", instead: "Shorten the input." },
  prompt: { asks: () => true, instead: "Send instructions and input." },
  top_logprobs: { asks: v => v !== 0, instead: "Chat completions give log-probabilities." },
};

const missing = (index: number, key: string, kind: string) =>
  serveErrors.fail("missing", { place: `input[${index}].${key}`, message: `an item of type ${kind} needs it` });
const textOf = (given: Item["content"]): string => (typeof given === "string" ? given : (given ?? []).map(p => p.text).join(""));

/** What a request says by itself, references to kept items followed. Errors: serve/missing, those of `kept`. */
export function itemsOf({ input }: ResponsesBody, kept: (id: string, place: string) => Item): readonly Item[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  return input.map((given, index) => {
    if (given.type !== "item_reference") return given;
    if (given.id == null) throw missing(index, "id", given.type);
    return kept(given.id, `input[${index}].id`);
  });
}

/** Turns of a conversation; calls that follow one another are one turn of the assistant's, as templates write them. Errors: serve/missing. */
export function responseTurns(instructions: string | null | undefined, items: readonly Item[]) {
  const messages: ChatMessages = instructions ? [{ role: "system", content: instructions }] : [];
  for (const [index, i] of items.entries()) {
    if (i.type === "reasoning") continue;
    if (i.type === "function_call_output") {
      if (i.call_id == null) throw missing(index, "call_id", i.type);
      if (i.output == null) throw missing(index, "output", i.type);
      messages.push({ role: "tool", content: textOf(i.output), tool_call_id: i.call_id });
      continue;
    }
    if (i.type === "function_call") {
      if (i.name == null) throw missing(index, "name", i.type);
      const call = { id: i.call_id ?? "", type: "function" as const, function: { name: i.name, arguments: i.arguments ?? "{}" } };
      const last = messages.at(-1);
      if (last?.role === "assistant") messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), call] };
      else messages.push({ role: "assistant", content: "", tool_calls: [call] });
      continue;
    }
    if (i.role == null) throw missing(index, "role", "message");
    if (i.content == null) throw missing(index, "content", "message");
    messages.push({ role: i.role, content: textOf(i.content) });
  }
  return turnsOf(messages);
}

/** The body with its format where chats have it. */
export function sampledBody({ text, ...body }: ResponsesBody): SamplingFields {
  const asked = text?.format;
  if (!asked) return body;
  if (asked.type !== "json_schema") return { ...body, response_format: { type: asked.type } };
  const { name, schema, strict } = asked;
  return { ...body, response_format: { type: "json_schema", json_schema: { name, schema, strict } } };
}

/** The functions that the answer may call. Errors: serve/parameter. */
export function responseTools({ tools, tool_choice: choice, parallel_tool_calls }: ResponsesBody) {
  const plain = (tools ?? []).map(t => ({
    name: t.name,
    description: t.description ?? undefined,
    parameters: t.parameters ?? undefined,
    strict: t.strict ?? undefined,
  }));
  return toolUse(plain, typeof choice === "object" && choice ? { name: choice.name } : (choice ?? undefined), parallel_tool_calls ?? true);
}
