/**
 * A chat's chunks as Anthropic's events: the message opens, its blocks open, grow and close one after the other, the message closes. What an upstream
 * said in these words itself is given as it said it.
 */
import { namedEvent } from "../event-stream/event-text.ts";
import { firstRow, isRow, type Row, rowOr, rowsIn } from "../values.ts";
import { messageId, messageUsage, stopReason } from "./message-fields.ts";
import type { Passage } from "./passage.ts";

const event = (value: { readonly type: string } & Row): string => namedEvent(value.type, JSON.stringify(value));

export function messagesStream(passage?: Passage): (data: string | undefined) => string {
  let hasBegun = false;
  /** The block that is open: the text, or a call by its index in the chat. */
  let open: "text" | "other" | number | undefined;
  let index = -1;
  let reason: unknown;
  let usage: unknown;
  /** The upstream has said its reason and counts itself. */
  let isCounted = false;

  const begin = (chunk: Row): string => {
    if (hasBegun) return "";
    hasBegun = true;
    const message = {
      id: messageId(chunk.id),
      type: "message",
      role: "assistant",
      model: chunk.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
    };
    // the chat tells its counts at its end
    return event({ type: "message_start", message: { ...message, usage: { ...messageUsage(undefined), output_tokens: 0 } } });
  };
  const close = (): string => {
    if (open === undefined) return "";
    open = undefined;
    return event({ type: "content_block_stop", index });
  };
  const block = (which: "text" | number, content: Row): string => {
    if (open === which) return "";
    const before = close();
    open = which;
    index++;
    return before + event({ type: "content_block_start", index, content_block: content });
  };
  const delta = (value: Row): string => event({ type: "content_block_delta", index, delta: value });

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
        (isCounted
          ? ""
          : event({ type: "message_delta", delta: { stop_reason: stopReason(reason), stop_sequence: null }, usage: messageUsage(usage) })) +
        event({ type: "message_stop" })
      );
    const chunk: unknown = JSON.parse(data);
    if (!isRow(chunk)) return "";
    if (isRow(chunk.error)) return event({ type: "error", error: { type: "api_error", message: chunk.error.message } });
    let out = begin(chunk);
    usage = chunk.usage ?? usage;
    const choice = firstRow(chunk.choices);
    if (!choice) return out;
    reason = choice.finish_reason ?? reason;
    const d = rowOr(choice.delta);
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
