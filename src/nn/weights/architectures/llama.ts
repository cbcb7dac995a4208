/** Llama and what is built like it: Mistral (a window), Qwen 2 (biases), Qwen 3 (normalised queries and keys). */
import { z } from "zod";
import { type DecoderConfig, isPlainDecoder } from "../../decoder-config.ts";
import { any, layers, share, size } from "../key-values.ts";
import type { WeightNames } from "../layout.ts";
import { linearFactorOf, rotaryKeys, rotaryOf } from "./rope.ts";
import { type ArchitectureRow, only, silentKeys } from "./shared.ts";

const llamaShared = {
  ...silentKeys,
  ...rotaryKeys,
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layers,
  num_attention_heads: layers,
  num_key_value_heads: layers.nullable().optional(),
  head_dim: size.nullable().optional(),
  hidden_act: only("silu"),
  max_position_embeddings: size,
  initializer_range: share.default(0.02),
  rms_norm_eps: share.default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  is_encoder_decoder: only(false),
};
const llamaSchema = z.strictObject({ ...llamaShared, attention_bias: z.boolean().default(false), mlp_bias: z.boolean().default(false) });
const mistralSchema = z.strictObject({ ...llamaShared, sliding_window: size.nullable().default(null) });
const llamaConfigOf = (c: z.output<z.ZodObject<typeof llamaShared>>): DecoderConfig => ({
  vocab: c.vocab_size,
  width: c.hidden_size,
  layers: c.num_hidden_layers,
  heads: c.num_attention_heads,
  kvHeads: c.num_key_value_heads ?? c.num_attention_heads,
  headSize: c.head_dim ?? c.hidden_size / c.num_attention_heads,
  hidden: c.intermediate_size,
  context: c.max_position_embeddings,
  norm: "rms",
  epsilon: c.rms_norm_eps,
  positions: "rotary",
  ...rotaryOf(c, c.head_dim ?? c.hidden_size / c.num_attention_heads, c.max_position_embeddings),
  activation: "swiglu",
  bias: false,
  tied: c.tie_word_embeddings,
  qkNorm: false,
  deviation: c.initializer_range,
});
const llamaKeysOf = (
  c: DecoderConfig,
  has: { readonly qkvBias?: boolean; readonly qkNorm?: boolean } = {},
): Record<string, unknown> | undefined => {
  const { qkvBias = false, qkNorm = false } = has;
  const isLlama = c.norm === "rms" && c.positions === "rotary" && c.activation === "swiglu" && isPlainDecoder(c);
  const factor = linearFactorOf(c);
  if (!isLlama || factor === undefined || (c.qkvBias ?? false) !== qkvBias || c.qkNorm !== qkNorm) return undefined;
  const scaled = factor === 1 ? { rope_type: "default" } : { rope_type: "linear", factor };
  return {
    vocab_size: c.vocab,
    hidden_size: c.width,
    intermediate_size: c.hidden,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    num_key_value_heads: c.kvHeads,
    head_dim: c.headSize,
    hidden_act: "silu",
    max_position_embeddings: c.context,
    initializer_range: c.deviation,
    rms_norm_eps: c.epsilon,
    // both spellings: 4.x reads the first, 5.x the second
    rope_theta: c.rotaryBase,
    rope_parameters: { rope_theta: c.rotaryBase, ...scaled },
    ...(factor === 1 ? {} : { rope_scaling: scaled }),
    tie_word_embeddings: c.tied,
  };
};
export const llamaNames: WeightNames = {
  token: "model.embed_tokens.weight",
  "blocks.*.norm1": "model.layers.*.input_layernorm",
  "blocks.*.attention.query": "model.layers.*.self_attn.q_proj",
  "blocks.*.attention.key": "model.layers.*.self_attn.k_proj",
  "blocks.*.attention.value": "model.layers.*.self_attn.v_proj",
  "blocks.*.attention.output": "model.layers.*.self_attn.o_proj",
  "blocks.*.norm2": "model.layers.*.post_attention_layernorm",
  "blocks.*.feedForward.gate": "model.layers.*.mlp.gate_proj",
  "blocks.*.feedForward.up": "model.layers.*.mlp.up_proj",
  "blocks.*.feedForward.down": "model.layers.*.mlp.down_proj",
  norm: "model.norm",
  output: "lm_head.weight",
};
export const llamaShape = {
  family: "decoder",
  projections: "out-in",
  names: llamaNames,
  spellings: [[/^model\./, ""]],
  leftOut: [/^(model\.)?layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/, /^lm_head\.weight$/],
} as const satisfies Partial<ArchitectureRow<"decoder">>;
export const llama: ArchitectureRow<"decoder"> = {
  ...llamaShape,
  architecture: "LlamaForCausalLM",
  // ours is one switch for all projections; the two of theirs have to agree
  schema: llamaSchema.refine(c => c.attention_bias === c.mlp_bias, {
    path: ["mlp_bias"],
    message: "Invalid input: expected the same as attention_bias",
  }),
  toConfig: (c: z.output<typeof llamaSchema>) => ({ ...llamaConfigOf(c), bias: c.attention_bias }),
  fromConfig: c => {
    const keys = c.window === undefined ? llamaKeysOf(c) : undefined;
    return keys && { ...keys, attention_bias: c.bias, mlp_bias: c.bias };
  },
};
export const mistral: ArchitectureRow<"decoder"> = {
  ...llamaShape,
  architecture: "MistralForCausalLM",
  schema: mistralSchema,
  toConfig: (c: z.output<typeof mistralSchema>) => ({
    ...llamaConfigOf(c),
    ...(c.sliding_window === null ? {} : { window: c.sliding_window }),
  }),
  fromConfig: c => {
    const keys = c.bias ? undefined : llamaKeysOf(c);
    return keys && { ...keys, sliding_window: c.window ?? null };
  },
};

/** Qwen names the sight of each layer; only one that sees everything is what ours is. */
const qwenShared = {
  ...llamaShared,
  use_sliding_window: only(false),
  sliding_window: any,
  max_window_layers: any,
  layer_types: z.array(z.literal("full_attention")).nullable().optional(),
};
const qwenKeys = (keys: Record<string, unknown> | undefined) => keys && { ...keys, use_sliding_window: false };
const qwen2Schema = z.strictObject(qwenShared);
export const qwen2: ArchitectureRow<"decoder"> = {
  ...llamaShape,
  architecture: "Qwen2ForCausalLM",
  schema: qwen2Schema,
  toConfig: (c: z.output<typeof qwen2Schema>) => ({ ...llamaConfigOf(c), qkvBias: true }),
  fromConfig: c => (c.bias || c.window !== undefined ? undefined : qwenKeys(llamaKeysOf(c, { qkvBias: true }))),
};
const qwen3Schema = z.strictObject({ ...qwenShared, attention_bias: only(false) });
export const qwen3: ArchitectureRow<"decoder"> = {
  ...llamaShape,
  names: {
    ...llamaNames,
    "blocks.*.attention.queryNorm": "model.layers.*.self_attn.q_norm",
    "blocks.*.attention.keyNorm": "model.layers.*.self_attn.k_norm",
  },
  architecture: "Qwen3ForCausalLM",
  schema: qwen3Schema,
  toConfig: (c: z.output<typeof qwen3Schema>) => ({ ...llamaConfigOf(c), headSize: c.head_dim ?? 128, qkNorm: true }),
  fromConfig: c => (c.bias || c.window !== undefined ? undefined : qwenKeys(llamaKeysOf(c, { qkNorm: true }))),
};
