/**
 * Anthropic's Messages over OpenAI's chat, so that its official client works against any server behind the gateway: texts, pictures, tools and their
 * results, streams with their blocks. What a chat cannot be told (tools of Anthropic's own; extended thinking, where its server takes no parameters of
 * reasoning) is refused by name.
 */

import { defined } from "../../base/index.ts";
import type { AnswerKnowledge } from "../chat-dialect.ts";
import { ProtocolFault } from "../protocol-fault.ts";
import { firstRow, isRow, type Row, rowOr, rowsIn, stringOr } from "../values.ts";
import { anthropicError } from "./anthropic-error.ts";
import { messageId, messageUsage, stopFields } from "./message-fields.ts";
import { messagesStream } from "./messages-stream.ts";
import { messagesToChat, reasoningFields } from "./messages-to-chat.ts";

const toChat = (body: Row): Row =>
  messagesToChat(body, {
    miss: (place, what) => {
      throw ProtocolFault.untranslated(place, what);
    },
    isReasoned: true,
  });

const showsReasoning = ({ thinking }: Row): boolean => isRow(thinking) && (thinking.type === "enabled" || thinking.type === "adaptive");

/** Members without which the answer is to the same question, from the same sources. */
const droppable: ReadonlySet<string> = new Set(["thinking", "context_management"]);

function read(body: Row) {
  const missed: Record<string, unknown> = {};
  let refusal: ProtocolFault | undefined;
  let essential: ProtocolFault | undefined;
  let refusalReasoned: ProtocolFault | undefined;
  const dropped: string[] = [];
  const miss = (place: string, what: string, value: unknown): Row => {
    const fault = ProtocolFault.untranslated(place, what);
    refusal ??= fault;
    if (place !== "thinking") refusalReasoned ??= fault;
    if (droppable.has(place)) dropped.push(place);
    else essential ??= fault;
    missed[place] = value;
    return { type: "text", text: JSON.stringify(value) };
  };
  const chat = messagesToChat(body, { miss, isReasoned: false });
  return {
    // what a chat does not show still tells one request from another
    chat: refusal ? { ...chat, untranslated: missed } : chat,
    refusal,
    essential,
    dropped,
    reasoned: {
      isShown: showsReasoning(body),
      from: defined({ thinking: body.thinking, chat_template_kwargs: body.chat_template_kwargs }),
      fields: () => reasoningFields(body, rowsIn(chat.messages)),
      refusal: refusalReasoned,
      dropped: dropped.filter(place => place !== "thinking"),
    },
  };
}

function inputOf(text: unknown): unknown {
  try {
    return JSON.parse(stringOr(text, "{}")) as unknown;
  } catch {
    // a call that a length cut off: clients look for its block beside stop_reason max_tokens, to ask again with a higher one
    return {};
  }
}

function answer(chat: Row, { showsReasoning = false }: AnswerKnowledge = {}): Row {
  const choice = firstRow(chat.choices) ?? {};
  const message = rowOr(choice.message);
  const calls = rowsIn(message.tool_calls);
  const thought = showsReasoning ? stringOr(message.reasoning_content) : "";
  // a signature says that the provider wrote it; nobody checks it here
  const thinking = thought === "" ? [] : [{ type: "thinking", thinking: thought, signature: "" }];
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
    content: [...thinking, ...text, ...uses],
    ...stopFields(choice.finish_reason, choice.stop_reason),
    usage: messageUsage(chat.usage),
  };
}

export const anthropicMessages = {
  name: "anthropic",
  names: { reasoning_effort: "output_config.effort", thinking_token_budget: "thinking" } as Readonly<Record<string, string>>,
  address: "/v1/messages",
  upstream: { protocol: "anthropic", path: "/messages" },
  toChat,
  showsReasoning,
  read,
  answer,
  stream: messagesStream,
  error: anthropicError,
} as const;
