/**
 * Anthropic's Messages over OpenAI's chat, so that its official client works against any server behind the gateway: texts, pictures, tools and their
 * results, streams with their blocks. What a chat cannot be told (extended thinking, tools of Anthropic's own) is refused by name.
 */
import { ProtocolFault } from "../protocol-fault.ts";
import { firstRow, type Row, rowOr, rowsIn, stringOr } from "../values.ts";
import { anthropicError } from "./anthropic-error.ts";
import { messageId, messageUsage, stopReason } from "./message-fields.ts";
import { messagesStream } from "./messages-stream.ts";
import { messagesToChat } from "./messages-to-chat.ts";

const toChat = (body: Row): Row =>
  messagesToChat(body, (place, what) => {
    throw ProtocolFault.untranslated(place, what);
  });

function read(body: Row) {
  const missed: Record<string, unknown> = {};
  let refusal: ProtocolFault | undefined;
  const chat = messagesToChat(body, (place, what, value) => {
    refusal ??= ProtocolFault.untranslated(place, what);
    missed[place] = value;
    return { type: "text", text: JSON.stringify(value) };
  });
  // what a chat does not show still tells one request from another
  return { chat: refusal ? { ...chat, untranslated: missed } : chat, refusal };
}

function inputOf(text: unknown): unknown {
  try {
    return JSON.parse(stringOr(text, "{}")) as unknown;
  } catch {
    // a call that a length cut off
    return {};
  }
}

function answer(chat: Row): Row {
  const choice = firstRow(chat.choices) ?? {};
  const message = rowOr(choice.message);
  const calls = rowsIn(message.tool_calls);
  const text = typeof message.content === "string" && message.content !== "" ? [{ type: "text", text: message.content }] : [];
  const uses = calls.map(c => {
    const f = rowOr(c.function);
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
    usage: messageUsage(chat.usage),
  };
}

export const anthropicMessages = {
  name: "anthropic",
  address: "/v1/messages",
  upstream: { protocol: "anthropic", path: "/messages" },
  toChat,
  read,
  answer,
  stream: messagesStream,
  error: anthropicError,
} as const;
