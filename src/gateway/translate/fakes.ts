/**
 * For tests: a server of Anthropic's Messages on a real socket that takes what Anthropic takes and no more (its rules are from its documentation),
 * and answers with the message that it is given, whole or as its events.
 */
import type { Received, Script } from "../fakes.ts";

type Row = Record<string, unknown>;

export interface FakeMessage {
  readonly content: readonly Row[];
  readonly stop_reason: string;
  readonly usage: Row;
}

const members = new Set([
  ...["model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "tools", "tool_choice"],
  ...["metadata", "thinking", "output_config", "service_tier", "mcp_servers"],
]);

/** Why Anthropic would refuse it; undefined where it would not. */
export function translationRefusal({ headers, body }: Received): string | undefined {
  if (headers["anthropic-version"] === undefined) return "anthropic-version: header is required";
  const strange = Object.keys(body).find(k => !members.has(k));
  if (strange !== undefined) return `${strange}: Extra inputs are not permitted`;
  if (!Number.isInteger(body.max_tokens)) return "max_tokens: Field required";
  if (typeof body.temperature === "number" && body.temperature > 1) return "temperature: range: 0..1";
  let before: unknown;
  for (const [i, m] of (body.messages as Row[]).entries()) {
    if (m.role === before) return `messages.${i}: roles must alternate`;
    before = m.role;
    const blocks = typeof m.content === "string" ? [{ type: "text", text: m.content }] : (m.content as Row[]);
    if (blocks.some(b => b.type === "text" && b.text === "")) return `messages.${i}: text content blocks must be non-empty`;
    const firstOther = blocks.findIndex(b => b.type !== "tool_result");
    if (firstOther >= 0 && blocks.slice(firstOther).some(b => b.type === "tool_result"))
      return `messages.${i}: tool_result must come first`;
    const last = blocks.at(-1);
    if (i === (body.messages as Row[]).length - 1 && m.role === "assistant" && /\s$/.test(String(last?.text ?? "")))
      return "final assistant content cannot end with trailing whitespace";
  }
  return undefined;
}

const event = (value: Row): string => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

/** The events of a message, its texts and inputs in pieces of `size` characters. */
export function eventsOf({ content, stop_reason, usage }: FakeMessage, model: unknown, size = 4): string[] {
  const pieces = (text: string): string[] => text.match(new RegExp(`[\\s\\S]{1,${size}}`, "gu")) ?? [];
  const out: Row[] = [
    {
      type: "message_start",
      message: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...usage, output_tokens: 1 },
      },
    },
    { type: "ping" },
  ];
  for (const [index, block] of content.entries()) {
    const delta = (d: Row) => out.push({ type: "content_block_delta", index, delta: d });
    const start = (content_block: Row) => out.push({ type: "content_block_start", index, content_block });
    if (block.type === "text") {
      start({ type: "text", text: "" });
      for (const text of pieces(String(block.text))) delta({ type: "text_delta", text });
    } else if (block.type === "tool_use") {
      start({ ...block, input: {} });
      delta({ type: "input_json_delta", partial_json: "" });
      const input = JSON.stringify(block.input);
      if (input !== "{}") for (const partial_json of pieces(input)) delta({ type: "input_json_delta", partial_json });
    } else if (block.type === "thinking") {
      start({ type: "thinking", thinking: "", signature: "" });
      for (const thinking of pieces(String(block.thinking))) delta({ type: "thinking_delta", thinking });
      delta({ type: "signature_delta", signature: block.signature });
    } else start(block);
    out.push({ type: "content_block_stop", index });
  }
  out.push({ type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: usage.output_tokens } });
  out.push({ type: "message_stop" });
  return out.map(event);
}

export const wholeOf = ({ content, stop_reason, usage }: FakeMessage, model: unknown): Row => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model,
  content,
  stop_reason,
  stop_sequence: null,
  usage,
});

export const errorText = (type: string, message: string): string =>
  JSON.stringify({ type: "error", error: { type, message }, request_id: "req_1" });

/** Answers with `message()`, or refuses as Anthropic does. */
export const anthropicScript =
  (message: () => FakeMessage): Script =>
  (received, response) => {
    const refusal = translationRefusal(received);
    if (refusal !== undefined) {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(errorText("invalid_request_error", refusal));
    } else if (received.body.stream === true) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const e of eventsOf(message(), received.body.model)) response.write(e);
      response.end();
    } else {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(wholeOf(message(), received.body.model)));
    }
  };

export const hello: FakeMessage = {
  content: [{ type: "text", text: "Hello there, and good morning." }],
  stop_reason: "end_turn",
  usage: { input_tokens: 5, cache_read_input_tokens: 100, cache_creation_input_tokens: 20, output_tokens: 9 },
};
