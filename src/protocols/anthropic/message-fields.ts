/** What whole and streamed messages have in common: ids, reasons to stop, counts. */
import { type Row, rowOr, stringOr, wordOf } from "../values.ts";

const reasons: Readonly<Record<string, string>> = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
  function_call: "tool_use",
  content_filter: "refusal",
};
/** Why a message ended. `stop`: the request's own text that ended it, where the chat tells (vLLM's `stop_reason`). */
export const stopFields = (reason: unknown, stop: unknown) =>
  typeof stop === "string" && reason === "stop"
    ? { stop_reason: "stop_sequence", stop_sequence: stop }
    : { stop_reason: wordOf(reasons, reason, "end_turn"), stop_sequence: null };

/** Anthropic counts cached tokens beside the input, OpenAI among it. */
export function messageUsage(usage: unknown): Row {
  const u = rowOr(usage);
  const details = rowOr(u.prompt_tokens_details);
  const cached = typeof details.cached_tokens === "number" ? details.cached_tokens : 0;
  const written = typeof details.cache_write_tokens === "number" ? details.cache_write_tokens : 0;
  const input = typeof u.prompt_tokens === "number" ? u.prompt_tokens : 0;
  return {
    input_tokens: Math.max(0, input - cached - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cached,
    output_tokens: typeof u.completion_tokens === "number" ? u.completion_tokens : 0,
  };
}

export const messageId = (id: unknown): string => `msg_${stringOr(id, "0").replace(/^chatcmpl-/, "")}`;
