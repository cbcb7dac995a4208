/**
 * Anthropic's Messages over OpenAI's chat, so that its official client works against any server behind the gateway: texts, pictures, tools and their
 * results, streams with their blocks. What a chat cannot be told (documents, extended thinking) is refused by name.
 */
import { gatewayErrors } from "../errors.ts";
import { isRow } from "../streams/usage.ts";
import type { ChatContract, Row } from "./contract.ts";
import { messagesStream } from "./messages-stream.ts";
import { messageId, stopReason, usageOf } from "./messages-words.ts";

const wrong = (place: string, expected: string, value: unknown) =>
  gatewayErrors.fail("parameter", { place, expected, received: (JSON.stringify(value) ?? "nothing").slice(0, 60) });
const untranslated = (place: string, what: string) =>
  gatewayErrors.fail("untranslated", { place, message: `${what} cannot be put to this model's server`, hint: "Leave it out." });

const rowsOf = (value: unknown, place: string): Row[] => {
  if (!Array.isArray(value) || !value.every(isRow)) throw wrong(place, "a list of objects", value);
  return value;
};

/** The text of a content that may hold nothing else. */
function plainText(content: unknown, place: string): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  return rowsOf(content, place)
    .map((b, i) => {
      if (b.type === "text" && typeof b.text === "string") return b.text;
      throw untranslated(`${place}[${i}]`, `a block of type ${JSON.stringify(b.type)}`);
    })
    .join("");
}

function picture(source: unknown, place: string): Row {
  if (isRow(source) && source.type === "base64" && typeof source.media_type === "string" && typeof source.data === "string")
    return { type: "image_url", image_url: { url: `data:${source.media_type};base64,${source.data}` } };
  if (isRow(source) && source.type === "url" && typeof source.url === "string")
    return { type: "image_url", image_url: { url: source.url } };
  throw wrong(`${place}.source`, "a base64 or url source", source);
}

function userMessages(content: unknown, place: string): Row[] {
  if (typeof content === "string") return [{ role: "user", content }];
  const results: Row[] = [];
  const parts: Row[] = [];
  for (const [i, b] of rowsOf(content, place).entries()) {
    const at = `${place}[${i}]`;
    if (b.type === "text") parts.push({ type: "text", text: String(b.text ?? "") });
    else if (b.type === "image") parts.push(picture(b.source, at));
    else if (b.type === "tool_result")
      results.push({ role: "tool", tool_call_id: b.tool_use_id, content: plainText(b.content, `${at}.content`) });
    else throw untranslated(at, `a block of type ${JSON.stringify(b.type)}`);
  }
  if (parts.length === 0) return results;
  // servers that read texts only take a text
  const isText = parts.every(p => p.type === "text");
  return [...results, { role: "user", content: isText ? parts.map(p => p.text).join("") : parts }];
}

function assistantMessage(content: unknown, place: string): Row {
  if (typeof content === "string") return { role: "assistant", content };
  let text = "";
  const calls: Row[] = [];
  for (const [i, b] of rowsOf(content, place).entries()) {
    if (b.type === "text") text += String(b.text ?? "");
    else if (b.type === "tool_use")
      calls.push({ id: b.id, type: "function", function: { name: b.name, arguments: JSON.stringify(b.input ?? {}) } });
    else if (b.type !== "thinking" && b.type !== "redacted_thinking")
      throw untranslated(`${place}[${i}]`, `a block of type ${JSON.stringify(b.type)}`);
  }
  return { role: "assistant", content: text === "" && calls.length > 0 ? null : text, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
}

function toolChoice(choice: unknown): Row {
  if (choice === undefined || choice === null) return {};
  if (!isRow(choice)) throw wrong("tool_choice", "an object", choice);
  const parallel = choice.disable_parallel_tool_use === true ? { parallel_tool_calls: false } : {};
  if (choice.type === "auto" || choice.type === "none") return { tool_choice: choice.type, ...parallel };
  if (choice.type === "any") return { tool_choice: "required", ...parallel };
  if (choice.type === "tool" && typeof choice.name === "string")
    return { tool_choice: { type: "function", function: { name: choice.name } }, ...parallel };
  throw wrong("tool_choice.type", "auto, any, tool or none", choice.type);
}

function toolOf(tool: Row, place: string): Row {
  if (typeof tool.type === "string" && tool.type !== "custom") throw untranslated(place, `a tool of type ${JSON.stringify(tool.type)}`);
  if (!isRow(tool.input_schema)) throw wrong(`${place}.input_schema`, "a JSON schema", tool.input_schema);
  const { name, description, input_schema: parameters } = tool;
  return { type: "function", function: { name, ...(description === undefined ? {} : { description }), parameters } };
}

/** Of the request, what chats know by the same name. */
const same = ["temperature", "top_p", "top_k", "stream"];

function toChat(body: Row): Row {
  const { messages, system, max_tokens: most, stop_sequences: stop, tools, thinking, metadata } = body;
  if (most === undefined) throw wrong("max_tokens", "a whole number: the API asks for it", most);
  if (isRow(thinking) && thinking.type === "enabled") throw untranslated("thinking", "extended thinking");
  const first = system === undefined ? [] : [{ role: "system", content: plainText(system, "system") }];
  const turns = rowsOf(messages, "messages").flatMap((m, i) => {
    const place = `messages[${i}].content`;
    if (m.role === "user") return userMessages(m.content, place);
    if (m.role === "assistant") return [assistantMessage(m.content, place)];
    throw wrong(`messages[${i}].role`, "user or assistant", m.role);
  });
  const functions = tools === undefined || tools === null ? [] : rowsOf(tools, "tools").map((t, i) => toolOf(t, `tools[${i}]`));
  return {
    model: body.model,
    messages: [...first, ...turns],
    max_tokens: most,
    ...Object.fromEntries(same.filter(k => body[k] !== undefined && body[k] !== null).map(k => [k, body[k]])),
    ...(stop === undefined || stop === null ? {} : { stop }),
    ...(functions.length > 0 ? { tools: functions, ...toolChoice(body.tool_choice) } : {}),
    ...(isRow(metadata) && typeof metadata.user_id === "string" ? { user: metadata.user_id } : {}),
    ...(body.stream === true ? { stream_options: { include_usage: true } } : {}),
  };
}

function inputOf(text: unknown): unknown {
  try {
    return JSON.parse(String(text ?? "{}")) as unknown;
  } catch {
    // a call that a length cut off
    return {};
  }
}

function answer(chat: Row): Row {
  const choice = Array.isArray(chat.choices) && isRow(chat.choices[0]) ? chat.choices[0] : {};
  const message = isRow(choice.message) ? choice.message : {};
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls.filter(isRow) : [];
  const text = typeof message.content === "string" && message.content !== "" ? [{ type: "text", text: message.content }] : [];
  const uses = calls.map(c => {
    const f = isRow(c.function) ? c.function : {};
    return { type: "tool_use", id: c.id, name: f.name, input: inputOf(f.arguments) };
  });
  return {
    id: messageId(chat.id),
    type: "message",
    role: "assistant",
    model: chat.model,
    content: [...text, ...uses],
    stop_reason: stopReason(choice.finish_reason),
    stop_sequence: null,
    usage: usageOf(chat.usage),
  };
}

const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

export const messages: ChatContract = {
  toChat,
  answer,
  stream: messagesStream,
  error: ({ status, body }) => {
    const { message } = (JSON.parse(body) as { readonly error: { readonly message: string } }).error;
    const type = types[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
    return JSON.stringify({ type: "error", error: { type, message } });
  },
};
