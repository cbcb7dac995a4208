/** JSON files that came from outside: objects only, each key once. */
import { nnErrors } from "../errors.ts";
import { duplicateKey } from "./duplicate-key.ts";

/** 64 MiB: an index of shards names a hundred thousand tensors in 10 MB; a larger file is none of ours. */
const maxJsonBytes = 64 * 1024 * 1024;

export function parseJsonFile(bytes: Uint8Array, place: string): Record<string, unknown> {
  if (bytes.length > maxJsonBytes)
    throw nnErrors.fail("file", { place, expected: `JSON of at most ${maxJsonBytes} bytes`, received: `${bytes.length} bytes` });
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw nnErrors.fail("file", { place, expected: "JSON", received: (error as Error).message.slice(0, 100) }, error);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw nnErrors.fail("file", { place, expected: "a JSON object", received: text.slice(0, 40) });
  const twice = duplicateKey(text);
  if (twice !== undefined) throw nnErrors.fail("file", { place, expected: "each key once", received: `"${twice.slice(0, 60)}" twice` });
  return value as Record<string, unknown>;
}
