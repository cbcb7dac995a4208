/**
 * A chat's chunks as Anthropic's events: the message opens, its blocks open, grow and close one after the other, the message closes. What an upstream
 * said in these words itself is given as it said it.
 */

import type { AnswerKnowledge } from "../chat-dialect.ts";
import { namedEvent } from "../event-stream/event-text.ts";
import { firstRow, isRow, type Row, rowOr, rowsIn, wordOf } from "../values.ts";
import { messageId, messageUsage, stopFields } from "./message-fields.ts";
import type { Passage } from "./passage.ts";

/** OpenAI's types that Anthropic has too; a server that is overloaded says so by its code. */
const errorType = ({ type, code }: Row): string =>
  code === "service_unavailable" ? "overloaded_error" : wordOf(sameTypes, type, "api_error");
const sameTypes = {
  rate_limit_error: "rate_limit_error",
  permission_error: "permission_error",
  authentication_error: "authentication_error",
};

const event = (value: { readonly type: string } & Row): string => namedEvent(value.type, JSON.stringify(value));

/** The chat tells its counts at its end: what is known before is the prompt's tokens, where somebody counted them. */
function messageStart(chunk: Row, inputTokens: number | undefined): string {
  const message = {
    id: messageId(chunk.id),
    type: "message",
    role: "assistant",
    model: chunk.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
  const counts = { ...messageUsage({ prompt_tokens: inputTokens }), output_tokens: 0 };
  return event({ type: "message_start", message: { ...message, usage: counts } });
}

export function messagesStream(
  passage?: Passage,
  { inputTokens, showsReasoning = false }: AnswerKnowledge = {},
): (data: string | undefined) => string {
  let hasBegun = false;
  /** The block that is open: the text, the thinking, or a call by its index in the chat. */
  let open: "text" | "thinking" | "other" | number | undefined;
  let index = -1;
  let reason: unknown;
  let stop: unknown;
  let usage: unknown;
  /** The upstream has said its reason and counts itself. */
  let isCounted = false;

  const begin = (chunk: Row): string => {
    if (hasBegun) return "";
    hasBegun = true;
    return messageStart(chunk, inputTokens);
  };
  const delta = (value: Row): string => event({ type: "content_block_delta", index, delta: value });
  const close = (): string => {
    if (open === undefined) return "";
    const signed = open === "thinking" ? delta({ type: "signature_delta", signature: "" }) : "";
    open = undefined;
    return signed + event({ type: "content_block_stop", index });
  };
  const block = (which: "text" | "thinking" | number, content: Row): string => {
    if (open === which) return "";
    const before = close();
    open = which;
    index++;
    return before + event({ type: "content_block_start", index, content_block: content });
  };

  return data => {
    if (data === undefined) return event({ type: "ping" });
    const native = passage?.take(data);
    if (native) {
      hasBegun = true;
      ({ index, open } = native);
      isCounted ||= native.own.includes("event: message_delta\n");
      return native.own;
    }
    if (data.trim() === "[DONE]")
      return (
        close() +
        (isCounted ? "" : event({ type: "message_delta", delta: stopFields(reason, stop), usage: messageUsage(usage) })) +
        event({ type: "message_stop" })
      );
    const chunk: unknown = JSON.parse(data);
    if (!isRow(chunk)) return "";
    if (isRow(chunk.error)) return event({ type: "error", error: { type: errorType(chunk.error), message: chunk.error.message } });
    let out = begin(chunk);
    usage = chunk.usage ?? usage;
    const choice = firstRow(chunk.choices);
    if (!choice) return out;
    reason = choice.finish_reason ?? reason;
    stop = choice.stop_reason ?? stop;
    const d = rowOr(choice.delta);
    if (showsReasoning && typeof d.reasoning_content === "string" && d.reasoning_content !== "")
      out +=
        block("thinking", { type: "thinking", thinking: "", signature: "" }) +
        delta({ type: "thinking_delta", thinking: d.reasoning_content });
    if (typeof d.content === "string" && d.content !== "")
      out += block("text", { type: "text", text: "" }) + delta({ type: "text_delta", text: d.content });
    for (const call of rowsIn(d.tool_calls)) {
      const f = rowOr(call.function);
      out += block(typeof call.index === "number" ? call.index : 0, { type: "tool_use", id: call.id, name: f.name, input: {} });
      if (typeof f.arguments === "string" && f.arguments !== "") out += delta({ type: "input_json_delta", partial_json: f.arguments });
    }
    return out;
  };
}
