/** A request for a response (OpenAI's newer form of a chat) as a chat, for servers that know only that. Nothing is kept: a conversation is sent whole. */
import { ProtocolFault } from "../protocol-fault.ts";
import type { Translation, TranslationRequest } from "../translation.ts";
import { isGiven, isRow, listOf, objectsOf, type Row, renamed } from "../values.ts";
import { refuseOthers, textOf } from "./chat.ts";
import { responsesReading } from "./responses-reading.ts";

function part(p: Row, place: string): Row {
  if ((p.type === "input_text" || p.type === "text" || p.type === "output_text") && typeof p.text === "string")
    return { type: "text", text: p.text };
  if (p.type === "input_image" && typeof p.image_url === "string")
    return { type: "image_url", image_url: { url: p.image_url, ...renamed(p, { detail: "detail" }) } };
  if (p.type === "input_file" && typeof p.file_data === "string")
    return { type: "file", file: renamed(p, { file_data: "file_data", filename: "filename" }) };
  throw ProtocolFault.untranslated(place, `a part of type ${JSON.stringify(p.type)}`);
}

function userContent(content: unknown, place: string): unknown {
  if (typeof content === "string") return content;
  const parts = objectsOf(content, place).map((p, i) => part(p, `${place}[${i}]`));
  // servers that read texts only take a text
  return parts.every(p => p.type === "text") ? parts.map(p => p.text).join("") : parts;
}

/** Items as a chat's messages; calls that follow one another, and what was said before them, are one message of the assistant's. */
function messagesOf({ input, instructions }: Row): Row[] {
  const messages: Row[] = isGiven(instructions) ? [{ role: "system", content: textOf(instructions, "instructions") }] : [];
  if (typeof input === "string") return [...messages, { role: "user", content: input }];
  for (const [i, item] of objectsOf(input, "input").entries()) {
    const place = `input[${i}]`;
    const kind = item.type ?? "message";
    if (kind === "reasoning") continue;
    if (kind === "function_call") {
      const call = { id: item.call_id, type: "function", function: { name: item.name, arguments: item.arguments ?? "{}" } };
      const last = messages.at(-1);
      if (last?.role === "assistant") messages[messages.length - 1] = { ...last, tool_calls: [...listOf(last.tool_calls, place), call] };
      else messages.push({ role: "assistant", content: null, tool_calls: [call] });
    } else if (kind === "function_call_output")
      messages.push({ role: "tool", tool_call_id: item.call_id, content: textOf(item.output, `${place}.output`) });
    else if (kind === "item_reference")
      throw ProtocolFault.untranslated(place, "an item that is kept elsewhere", "Send the item itself; clients do where store is false.");
    else if (kind !== "message") throw ProtocolFault.untranslated(place, `an item of type ${JSON.stringify(kind)}`);
    else if (item.role === "user") messages.push({ role: "user", content: userContent(item.content, `${place}.content`) });
    else if (item.role === "assistant") messages.push({ role: "assistant", content: textOf(item.content, `${place}.content`) });
    else if (item.role === "system" || item.role === "developer")
      messages.push({ role: "system", content: textOf(item.content, `${place}.content`) });
    else throw ProtocolFault.parameter(`${place}.role`, "user, assistant, system or developer", item.role);
  }
  return messages;
}

function toolsOf({ tools, tool_choice: choice }: Row): Row {
  const own = listOf(tools, "tools").map((t, i) => {
    if (t.type !== "function") throw ProtocolFault.untranslated(`tools[${i}]`, `a tool of type ${JSON.stringify(t.type)}`);
    const names = { name: "name", description: "description", parameters: "parameters", strict: "strict" };
    return { type: "function", function: renamed(t, names) };
  });
  if (own.length === 0) return {};
  if (!isGiven(choice)) return { tools: own };
  if (typeof choice === "string") return { tools: own, tool_choice: choice };
  if (isRow(choice) && choice.type === "function")
    return { tools: own, tool_choice: { type: "function", function: { name: choice.name } } };
  throw ProtocolFault.untranslated("tool_choice", "a choice of another kind than a function");
}

function formOf({ text }: Row): Row {
  const form = isRow(text) ? text.format : undefined;
  if (!isRow(form) || form.type === "text") return {};
  if (form.type !== "json_schema") return { response_format: { type: form.type } };
  const names = { name: "name", description: "description", schema: "schema", strict: "strict" };
  return { response_format: { type: "json_schema", json_schema: renamed(form, names) } };
}

/** What only a server that keeps responses can do, and the values by which it is not asked for. */
function refuseKept(body: Row): void {
  const { previous_response_id: before, conversation, background, truncation, prompt } = body;
  if (isGiven(before))
    throw ProtocolFault.untranslated("previous_response_id", "an answer that is kept elsewhere", "Send the whole conversation as input.");
  if (isGiven(conversation)) throw ProtocolFault.untranslated("conversation", "a conversation that is kept elsewhere", "Send it as input.");
  if (isGiven(prompt)) throw ProtocolFault.untranslated("prompt", "a prompt that is kept elsewhere", "Send instructions and input.");
  if (background === true) throw ProtocolFault.untranslated("background", "an answer that is made later");
  if (truncation === "auto") throw ProtocolFault.untranslated("truncation", "a prompt to be shortened", "Shorten the input.");
}

const known = [
  ...["input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning", "max_output_tokens", "max_tool_calls"],
  ...["temperature", "top_p", "include", "previous_response_id", "conversation", "background", "truncation", "prompt"],
  "cache_salt",
];

function chatBody(asked: TranslationRequest): Row {
  const { body, isStream, asksUsage } = asked;
  refuseOthers(asked, known);
  refuseKept(body);
  const tools = toolsOf(body);
  return {
    model: asked.model,
    messages: messagesOf(body),
    ...renamed(body, {
      max_output_tokens: "max_tokens",
      temperature: "temperature",
      top_p: "top_p",
      user: "user",
      cache_salt: "cache_salt",
    }),
    ...(isRow(body.reasoning) ? renamed(body.reasoning, { effort: "reasoning_effort" }) : {}),
    ...tools,
    ...(tools.tools ? renamed(body, { parallel_tool_calls: "parallel_tool_calls" }) : {}),
    ...formOf(body),
    ...(isStream ? { stream: true, ...(asksUsage ? { stream_options: { include_usage: true } } : {}) } : {}),
  };
}

export const responsesToChat: Translation = asked => ({ path: "/chat/completions", body: chatBody(asked), read: responsesReading(asked) });
