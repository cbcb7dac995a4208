/**
 * Anthropic's Messages over OpenAI's chat, so that its official client works against any server behind the gateway: texts, pictures, tools and their
 * results, streams with their blocks. What a chat cannot be told (extended thinking, tools of Anthropic's own) is refused by name.
 */
import type { LoamError } from "../../base/index.ts";
import { isRow } from "../streams/usage.ts";
import type { ChatContract, Row } from "./contract.ts";
import { chatOf } from "./messages-request.ts";
import { messagesStream } from "./messages-stream.ts";
import { messageId, stopReason, usageOf } from "./messages-words.ts";
import { said, untranslated } from "./words.ts";

const toChat = (body: Row): Row =>
  chatOf(body, (place, what) => {
    throw untranslated(place, what);
  });

function read(body: Row) {
  const missed: Record<string, unknown> = {};
  let refusal: LoamError | undefined;
  const chat = chatOf(body, (place, what, value) => {
    refusal ??= untranslated(place, what);
    missed[place] = value;
    return { type: "text", text: JSON.stringify(value) };
  });
  // what a chat does not show still tells one request from another
  return { chat: refusal ? { ...chat, untranslated: missed } : chat, refusal };
}

function inputOf(text: unknown): unknown {
  try {
    return JSON.parse(said(text, "{}")) as unknown;
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
  protocol: "anthropic",
  path: "/messages",
  toChat,
  read,
  answer,
  stream: messagesStream,
  error: ({ status, body }) => {
    const { message } = (JSON.parse(body) as { readonly error: { readonly message: string } }).error;
    const type = types[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
    return JSON.stringify({ type: "error", error: { type, message } });
  },
};
