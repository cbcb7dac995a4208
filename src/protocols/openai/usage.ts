/**
 * Token counts of an answer as its upstream says them, in one form for all APIs. What is no count (negative, a fraction, NaN, a text) is not
 * believed; the caller then counts by itself.
 */
import { isRow } from "../values.ts";

export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the input tokens, those that the upstream had in its cache. */
  readonly cachedTokens: number;
}

const count = (v: unknown): number | undefined => (typeof v === "number" && Number.isSafeInteger(v) && v >= 0 ? v : undefined);

/** Reads `usage` of chat, completions and embeddings (`prompt_tokens`) and of responses and messages (`input_tokens`). */
export function readUsage(usage: unknown): TokenUsage | undefined {
  if (!isRow(usage)) return undefined;
  const input = count(usage.prompt_tokens ?? usage.input_tokens);
  if (input === undefined) return undefined;
  const said = usage.completion_tokens ?? usage.output_tokens;
  const output = said === undefined ? 0 : count(said);
  if (output === undefined) return undefined;
  const details = usage.prompt_tokens_details ?? usage.input_tokens_details;
  const cached = isRow(details) ? (count(details.cached_tokens) ?? 0) : 0;
  return { inputTokens: input, outputTokens: output, cachedTokens: Math.min(cached, input) };
}
