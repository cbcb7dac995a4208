/** Tokenizers that the configuration names for its models, so that prompts are counted exactly before they are admitted. */
import { readText } from "../../base/index.ts";
import { loadTokenizer } from "../../text/index.ts";
import type { GatewayConfig } from "./gateway-config.ts";

/** Counts a text's tokens. */
export type TokenCounter = (text: string) => number;

/** By the tokenizer's path. Errors: base/missingFile, those of `loadTokenizer`. */
export async function countersOf({ routes }: GatewayConfig): Promise<ReadonlyMap<string, TokenCounter>> {
  const counters = new Map<string, TokenCounter>();
  for (const { tokenizer: path } of new Set(routes.values())) {
    if (path === undefined || counters.has(path)) continue;
    const tokenizer = loadTokenizer(await readText(path), { place: path });
    counters.set(path, text => tokenizer.encode(text).length);
  }
  return counters;
}
