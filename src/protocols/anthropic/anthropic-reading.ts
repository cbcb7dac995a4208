/** Anthropic's messages as OpenAI's chats: whole, streamed, errors. Thinking is said as `reasoning_content`, and with its signature in `thinking_blocks`. */
import { chatUsage, chunksOf } from "../openai/chat.ts";
import { ProtocolFault } from "../protocol-fault.ts";
import type { AnswerReading, StreamPiece, TranslationRequest } from "../translation.ts";
import { countOr0, isGiven, isRow, type Row, rowOr, stringOr, wordOf } from "../values.ts";

const reasons: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  pause_turn: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_calls",
  refusal: "content_filter",
};
const reasonOf = (reason: unknown): string => wordOf(reasons, reason, "stop");

/** Anthropic counts what is read from a cache and written to it beside the input, OpenAI among it. */
function usageFrom(usage: unknown): Row {
  const u = rowOr(usage);
  const [read, written] = [countOr0(u.cache_read_input_tokens), countOr0(u.cache_creation_input_tokens)];
  const details = isRow(u.output_tokens_details) ? u.output_tokens_details.thinking_tokens : undefined;
  return chatUsage({
    input: countOr0(u.input_tokens) + read + written,
    output: countOr0(u.output_tokens),
    cached: read,
    written,
    ...(typeof details === "number" ? { reasoning: details } : {}),
  });
}

const isThinking = (b: Row): boolean => b.type === "thinking" || b.type === "redacted_thinking";

function chatOf(message: Row, { model, now }: TranslationRequest): Row {
  if (message.type !== "message" || !Array.isArray(message.content)) throw ProtocolFault.malformed("an answer that is no message");
  const blocks = message.content.filter(isRow);
  const texts = blocks.flatMap(b => (b.type === "text" && typeof b.text === "string" ? [b.text] : []));
  const thought = blocks.flatMap(b => (b.type === "thinking" && typeof b.thinking === "string" ? [b.thinking] : []));
  const calls = blocks
    .filter(b => b.type === "tool_use")
    .map(b => ({ id: b.id, type: "function", function: { name: b.name, arguments: JSON.stringify(b.input ?? {}) } }));
  return {
    id: message.id,
    object: "chat.completion",
    created: now,
    model: message.model ?? model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: texts.length === 0 && calls.length > 0 ? null : texts.join(""),
          refusal: null,
          ...(thought.length > 0 ? { reasoning_content: thought.join("") } : {}),
          ...(blocks.some(isThinking) ? { thinking_blocks: blocks.filter(isThinking) } : {}),
          ...(calls.length > 0 ? { tool_calls: calls } : {}),
        },
        logprobs: null,
        finish_reason: reasonOf(message.stop_reason),
      },
    ],
    usage: usageFrom(message.usage),
  };
}

function eventsReader({ model, now }: TranslationRequest): (piece: StreamPiece) => readonly StreamPiece[] {
  let chunks = chunksOf({ id: "chatcmpl-0", created: now, model });
  let usage: Row = {};
  let calls = -1;
  /** Of the block that is open. */
  let block: Row = {};
  let hasArguments = false;
  let thought = "";
  let isCounted = false;

  const opened = (given: unknown): Row[] => {
    block = rowOr(given);
    hasArguments = false;
    thought = "";
    if (block.type === "tool_use") {
      calls++;
      const { id, name, input } = block;
      const text = isRow(input) && Object.keys(input).length > 0 ? JSON.stringify(input) : "";
      hasArguments = text !== "";
      return [chunks.delta({ tool_calls: [{ index: calls, id, type: "function", function: { name, arguments: text } }] })];
    }
    if (block.type === "redacted_thinking") return [chunks.delta({ thinking_blocks: [block] })];
    return typeof block.text === "string" && block.text !== "" ? [chunks.delta({ content: block.text })] : [];
  };
  const grown = (d: Row): Row[] => {
    if (d.type === "text_delta") return [chunks.delta({ content: d.text })];
    if (d.type === "input_json_delta") {
      // of a tool that the upstream runs itself, nothing is for the client to call
      if (d.partial_json === "" || block.type !== "tool_use") return [];
      hasArguments = true;
      return [chunks.delta({ tool_calls: [{ index: calls, function: { arguments: d.partial_json } }] })];
    }
    if (d.type === "thinking_delta") {
      thought += stringOr(d.thinking);
      return [chunks.delta({ reasoning_content: d.thinking })];
    }
    if (d.type === "signature_delta")
      return [chunks.delta({ thinking_blocks: [{ type: "thinking", thinking: thought, signature: d.signature }] })];
    return [];
  };
  const counted = (more: unknown) => {
    if (isRow(more)) usage = { ...usage, ...Object.fromEntries(Object.entries(more).filter(([, v]) => isGiven(v))) };
  };

  return piece => {
    if (piece === "done" || piece === "closed") return [];
    switch (piece.type) {
      case "message_start": {
        const message = rowOr(piece.message);
        chunks = chunksOf({ id: stringOr(message.id, "chatcmpl-0"), created: now, model: message.model ?? model });
        counted(message.usage);
        return [chunks.delta({ role: "assistant", content: "" })];
      }
      case "content_block_start":
        return opened(piece.content_block);
      case "content_block_delta":
        return isRow(piece.delta) ? grown(piece.delta) : [];
      case "content_block_stop":
        // a call without arguments says so: clients parse them
        if (block.type !== "tool_use" || hasArguments) return [];
        return [chunks.delta({ tool_calls: [{ index: calls, function: { arguments: "{}" } }] })];
      case "message_delta":
        counted(piece.usage);
        if (!isRow(piece.delta) || !isGiven(piece.delta.stop_reason)) return [];
        isCounted = true;
        return [chunks.last(reasonOf(piece.delta.stop_reason)), chunks.usage(usageFrom(usage))];
      case "message_stop":
        return isCounted ? ["done"] : [chunks.usage(usageFrom(usage)), "done"];
      case "error":
        return [{ error: errorOf(piece) ?? { message: "an error without words" } }];
      default:
        return [];
    }
  };
}

function errorOf(value: Row) {
  const { error } = value;
  if (!isRow(error) || typeof error.message !== "string") return undefined;
  return { message: error.message, ...(typeof error.type === "string" ? { type: error.type, code: error.type } : {}) };
}

export const anthropicReading = (asked: TranslationRequest): AnswerReading => ({
  framing: "events",
  whole: value => chatOf(value, asked),
  stream: () => eventsReader(asked),
  error: errorOf,
});
