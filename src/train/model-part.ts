/** The architecture part of a model in `loam.yaml`: a family with a few sizes; the rest follows from the family and can be overridden. */
import { z } from "zod";
import { type DecoderConfig, gpt2Config, llamaConfig } from "../nn/index.ts";

const size = z.number().int().min(1);

/** Presets of the decoder; a new one is a row. */
const presets = {
  gpt: gpt2Config,
  llama: llamaConfig,
} as const;

export const modelPart = z.strictObject({
  family: z.enum(["gpt", "llama"]).default("llama"),
  layers: size,
  width: size,
  heads: size,
  kvHeads: size.optional(),
  /** Feed-forward width; the family's own multiple of the width when absent. */
  hidden: size.optional(),
  context: size,
  activation: z.enum(["gelu", "geluTanh", "swiglu", "relu2"]).optional(),
  tied: z.boolean().optional(),
  bias: z.boolean().optional(),
  qkNorm: z.boolean().optional(),
  window: size.optional(),
  logitCap: z.number().positive().optional(),
});
export type ModelPart = z.output<typeof modelPart>;

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
    ...(kvHeads === undefined ? {} : { kvHeads }),
    ...(hidden === undefined ? {} : { hidden }),
  });
  const given = Object.fromEntries(Object.entries(rest).filter(([, v]) => v !== undefined));
  return { ...base, ...given };
}
