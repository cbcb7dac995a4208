/**
 * Whether an answer may be kept: whole, without an error, and ended by the model itself. One that its server filtered (`content_filter`) is not: another
 * time it may pass. One that reached its length is: the length is part of the request.
 */

import { isRow } from "../../protocols/index.ts";
import type { Endpoint } from "../endpoints.ts";

const endings = new Set(["stop", "length", "tool_calls", "function_call"]);

const choiceEnd = /"finish_reason"\s*:\s*"([^"]*)"/g;
const responseEnd = /"type"\s*:\s*"response\.(completed|incomplete|failed)"/g;
const filtered = /"reason"\s*:\s*"content_filter"/;

/** `text`: of all events of a stream that ended without an error. A quote inside of a JSON text is escaped, so no answer can imitate these words. */
export function mayKeepStream(endpoint: Endpoint, text: string): boolean {
  if (text.includes("\0")) return false;
  if (endpoint === "responses") {
    const ends = [...text.matchAll(responseEnd)].map(m => m[1]);
    return ends.length > 0 && !ends.includes("failed") && !filtered.test(text);
  }
  const ends = [...text.matchAll(choiceEnd)].map(m => m[1]!);
  return ends.length > 0 && ends.every(e => endings.has(e));
}

/** `text`: a JSON object that came with a 200. */
export function mayKeepWhole(endpoint: Endpoint, text: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  if (!isRow(value) || isRow(value.error)) return false;
  switch (endpoint) {
    case "chat":
    case "completions":
      return (
        Array.isArray(value.choices) &&
        value.choices.length > 0 &&
        value.choices.every(c => isRow(c) && endings.has(String(c.finish_reason)))
      );
    case "responses": {
      if (value.status === "completed") return true;
      const why = isRow(value.incomplete_details) ? value.incomplete_details.reason : undefined;
      return value.status === "incomplete" && why === "max_output_tokens";
    }
    case "embeddings":
      return Array.isArray(value.data) && value.data.length > 0;
    case "moderations":
    case "rerank":
      return Array.isArray(value.results) && value.results.length > 0;
    default:
      return false;
  }
}
