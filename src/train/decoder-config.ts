/** The decoder of a `models:` part: a family with a few sizes; the rest follows from the family and can be overridden. */
import { defined } from "../base/index.ts";
import { type DecoderConfig, gpt2Config, llamaConfig } from "../nn/index.ts";
import type { ModelPart } from "./part.ts";

/** Presets of the decoder; a new one is a row. */
const presets = {
  gpt: gpt2Config,
  llama: llamaConfig,
} as const;

/** The full configuration of a model part for a vocabulary. */
export function decoderConfigOf(
  { family, layers, width, heads, kvHeads, hidden, context, ...rest }: ModelPart,
  vocab: number,
): DecoderConfig {
  const base = presets[family]({
    vocab,
    layers,
    width,
    heads,
    context,
    ...defined({ kvHeads, hidden }),
  });
  const given = Object.fromEntries(Object.entries(rest).filter(([, v]) => v !== undefined));
  return { ...base, ...given };
}
