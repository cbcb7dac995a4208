/** The body of POST /v1/responses: its items to the turns of a chat, its tools to those of a chat. */
import type { ChatMessages, ResponsesItem, ResponsesRequest, SamplingFields } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import { turnsOf } from "../chat-messages.ts";
import { allowedTools, toolUse } from "../tools/tool.ts";

const missing = (index: number, key: string, kind: string) =>
  serveErrors.fail("missing", { place: `input[${index}].${key}`, message: `an item of type ${kind} needs it` });
const textOf = (given: ResponsesItem["content"]): string => (typeof given === "string" ? given : (given ?? []).map(p => p.text).join(""));

/** What a request says by itself, references to kept items followed. Errors: serve/missing, those of `kept`. */
export function itemsOf({ input }: ResponsesRequest, kept: (id: string, place: string) => ResponsesItem): readonly ResponsesItem[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  return input.map((given, index) => {
    if (given.type !== "item_reference") return given;
    if (given.id == null) throw missing(index, "id", given.type);
    return kept(given.id, `input[${index}].id`);
  });
}

/** Turns of a conversation; calls that follow one another are one turn of the assistant's, as templates write them. Errors: serve/missing. */
export function responseTurns(instructions: string | null | undefined, items: readonly ResponsesItem[]) {
  const messages: ChatMessages = instructions ? [{ role: "system", content: instructions }] : [];
  /** What the model thought before its next message or call. */
  let thought = "";
  const reasoned = () => {
    const reasoning_content = thought;
    thought = "";
    return reasoning_content === "" ? {} : { reasoning_content };
  };
  for (const [index, i] of items.entries()) {
    if (i.type === "reasoning") {
      thought += textOf(i.content ?? i.summary);
      continue;
    }
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
      else messages.push({ role: "assistant", content: "", ...reasoned(), tool_calls: [call] });
      continue;
    }
    if (i.role == null) throw missing(index, "role", "message");
    if (i.content == null) throw missing(index, "content", "message");
    messages.push({ role: i.role, content: textOf(i.content), ...(i.role === "assistant" ? reasoned() : {}) });
  }
  return turnsOf(messages);
}

/** The body with its format where chats have it. */
export function sampledBody({ text, ...body }: ResponsesRequest): SamplingFields {
  const asked = text?.format;
  if (!asked) return body;
  if (asked.type !== "json_schema") return { ...body, response_format: { type: asked.type } };
  const { name, schema, strict } = asked;
  return { ...body, response_format: { type: "json_schema", json_schema: { name, schema, strict } } };
}

/** The functions that the answer may call. Errors: serve/parameter. */
export function responseTools({ tools, tool_choice: choice, parallel_tool_calls }: ResponsesRequest) {
  const plain = (tools ?? []).map(t => ({
    name: t.name,
    description: t.description ?? undefined,
    parameters: t.parameters ?? undefined,
    strict: t.strict ?? undefined,
  }));
  const isParallel = parallel_tool_calls ?? true;
  if (typeof choice !== "object" || !choice) return toolUse(plain, choice ?? undefined, isParallel);
  if (choice.type === "function") return toolUse(plain, { name: choice.name }, isParallel);
  const names = choice.tools.map(t => t.name);
  return toolUse(allowedTools(plain, names, "tool_choice.tools"), choice.mode, isParallel);
}
