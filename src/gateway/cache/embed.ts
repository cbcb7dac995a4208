/** A question's vector from an embedding model of the same gateway: asked as any model is, with its targets, retries and breakers, and charged to nobody. */

import { isRow } from "../../protocols/index.ts";
import { innerRequest } from "../pipeline/inner-request.ts";
import type { Embed } from "./meaning.ts";
import { unit } from "./semantic.ts";

/** Numbers of one vector; no model has more. */
const mostDimensions = 16_384;

/** The vector of an embeddings answer, of length 1. */
function vectorOf(text: string): Float32Array | undefined {
  const value: unknown = JSON.parse(text);
  const first: unknown = isRow(value) && Array.isArray(value.data) ? value.data[0] : undefined;
  const numbers = isRow(first) ? first.embedding : undefined;
  if (!Array.isArray(numbers) || numbers.length === 0 || numbers.length > mostDimensions) return undefined;
  return numbers.every(n => typeof n === "number") ? unit(numbers) : undefined;
}

/** `model`: public name. Any failure, and one that takes longer than `timeoutMs`, is undefined. */
export function embedder(model: string, timeoutMs: number): Embed {
  return async (input, asking) => {
    try {
      const text = await innerRequest(asking, { endpoint: "embeddings", body: { model, input }, timeoutMs, by: "cache", follows: true });
      return text === undefined ? undefined : vectorOf(text);
    } catch {
      return undefined;
    }
  };
}
