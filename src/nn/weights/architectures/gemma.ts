/**
 * Gemma 2 and 3 (text): norms before and behind, embeddings scaled by the root of the width, gated GELU, layers with a window between layers
 * that see everything. Gemma 2 caps scores and logits; Gemma 3 normalises queries and keys and has two bases of rotary angles. Of a model
 * that also sees pictures (`gemma3`) the text part is read.
 */
import { z } from "zod";
import { type DecoderConfig, hasWindow } from "../../decoder-config.ts";
import { any, layers, share, size } from "../key-values.ts";
import type { WeightNames } from "../layout.ts";
import { llamaNames, llamaShape } from "./llama.ts";
import { anglesOfConfig, linearFactorOf, rotaryKeys, rotaryOf, scaling } from "./rope.ts";
import { type ArchitectureRow, only, silentKeys } from "./shared.ts";

const cap = z.number().positive().nullish();
const layerTypes = z.array(z.enum(["sliding_attention", "full_attention"])).nullish();

/** Defaults are the library's: published files leave much out. */
const shared = {
  ...silentKeys,
  hidden_size: size.default(2304),
  intermediate_size: size.default(9216),
  num_hidden_layers: layers.default(26),
  num_attention_heads: layers.default(8),
  num_key_value_heads: layers.default(4),
  head_dim: size.default(256),
  hidden_activation: only("gelu_pytorch_tanh"),
  // not read by the library either: early files say "gelu" and mean the other
  hidden_act: any,
  cache_implementation: any,
  initializer_range: share.default(0.02),
  rms_norm_eps: share.default(1e-6),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: only(false),
  query_pre_attn_scalar: z.number().positive().default(256),
  sliding_window: size.nullish().default(4096),
  layer_types: layerTypes,
  use_bidirectional_attention: z.literal(false).nullish(),
  is_encoder_decoder: only(false),
};
type Shared = z.output<z.ZodObject<typeof shared>> & { readonly vocab_size: number; readonly max_position_embeddings: number };

/** What both have; every layer but one in `pattern` has the window where the file does not say. */
function sharedConfig(c: Shared, pattern: number): Omit<DecoderConfig, "rotaryBase" | "qkNorm"> {
  const isWindowed = (layer: number) => (c.layer_types ? c.layer_types[layer] === "sliding_attention" : (layer + 1) % pattern !== 0);
  const windowLayers = Array.from({ length: c.num_hidden_layers }, (_, i) => i).filter(isWindowed);
  return {
    vocab: c.vocab_size,
    width: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads: c.num_key_value_heads,
    headSize: c.head_dim,
    hidden: c.intermediate_size,
    context: c.max_position_embeddings,
    norm: "rms",
    epsilon: c.rms_norm_eps,
    positions: "rotary",
    activation: "geglu",
    bias: false,
    tied: c.tie_word_embeddings,
    ...(c.sliding_window == null ? {} : { window: c.sliding_window, windowLayers }),
    ...(c.query_pre_attn_scalar === c.head_dim ? {} : { scoreScale: c.query_pre_attn_scalar ** -0.5 }),
    embeddingScale: Math.sqrt(c.hidden_size),
    postNorm: true,
    deviation: c.initializer_range,
  };
}
/** The list of layers has to be as long as there are layers. */
const hasAllLayers = (c: { readonly layer_types?: readonly string[] | null | undefined; readonly num_hidden_layers: number }) =>
  !c.layer_types || c.layer_types.length === c.num_hidden_layers;
const ofAllLayers = { path: ["layer_types"], message: "Invalid input: expected one entry a layer" };

/** The keys of what both have; undefined where a configuration is no Gemma's. */
function sharedKeys(c: DecoderConfig): Record<string, unknown> | undefined {
  const scalar = c.scoreScale === undefined ? c.headSize : c.scoreScale ** -2;
  const isGemma = c.norm === "rms" && c.positions === "rotary" && c.activation === "geglu" && !c.bias && !c.qkvBias && c.postNorm === true;
  // the library takes a whole number, and scales by nothing but the root of the width
  const isScaled = Math.abs(scalar - Math.round(scalar)) < 1e-9 * scalar && c.embeddingScale === Math.sqrt(c.width);
  if (!isGemma || !isScaled || !c.tied) return undefined;
  return {
    vocab_size: c.vocab,
    hidden_size: c.width,
    intermediate_size: c.hidden,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    num_key_value_heads: c.kvHeads,
    head_dim: c.headSize,
    hidden_activation: "gelu_pytorch_tanh",
    max_position_embeddings: c.context,
    initializer_range: c.deviation,
    rms_norm_eps: c.epsilon,
    query_pre_attn_scalar: Math.round(scalar),
    sliding_window: c.window ?? null,
    layer_types: Array.from({ length: c.layers }, (_, i) => (hasWindow(c, i) ? "sliding_attention" : "full_attention")),
    tie_word_embeddings: true,
  };
}

const caps = ["attn_logit_softcapping", "final_logit_softcapping"];
const gemmaNames: WeightNames = {
  ...llamaNames,
  "blocks.*.postNorm1": "model.layers.*.post_attention_layernorm",
  "blocks.*.norm2": "model.layers.*.pre_feedforward_layernorm",
  "blocks.*.postNorm2": "model.layers.*.post_feedforward_layernorm",
};

const gemma2Schema = z.strictObject({
  ...shared,
  ...rotaryKeys,
  vocab_size: size.default(256_000),
  max_position_embeddings: size.default(8192),
  attn_logit_softcapping: cap.default(50),
  final_logit_softcapping: cap.default(30),
});
export const gemma2: ArchitectureRow<"decoder"> = {
  ...llamaShape,
  architecture: "Gemma2ForCausalLM",
  names: gemmaNames,
  normsAroundZero: true,
  floats: caps,
  schema: gemma2Schema.refine(hasAllLayers, ofAllLayers),
  toConfig: (c: z.output<typeof gemma2Schema>) => ({
    ...sharedConfig(c, 2),
    ...rotaryOf(c, c.head_dim, c.max_position_embeddings),
    qkNorm: false,
    ...(c.attn_logit_softcapping == null ? {} : { scoreCap: c.attn_logit_softcapping }),
    ...(c.final_logit_softcapping == null ? {} : { logitCap: c.final_logit_softcapping }),
  }),
  fromConfig: c => {
    const keys = c.qkNorm || c.windowRotaryBase !== undefined || linearFactorOf(c) !== 1 ? undefined : sharedKeys(c);
    return (
      keys && {
        ...keys,
        rope_theta: c.rotaryBase,
        rope_parameters: { rope_type: "default", rope_theta: c.rotaryBase },
        attn_logit_softcapping: c.scoreCap ?? null,
        final_logit_softcapping: c.logitCap ?? null,
      }
    );
  },
};

const gemma3Schema = z.strictObject({
  ...shared,
  vocab_size: size.default(262_208),
  max_position_embeddings: size.default(131_072),
  sliding_window_pattern: size.default(6),
  // the library's own note; the list of layers is written beside it
  _sliding_window_pattern: any,
  rope_theta: z.number().positive().default(1_000_000),
  rope_local_base_freq: z.number().positive().default(10_000),
  rope_scaling: scaling,
  rope_parameters: z.strictObject({ full_attention: scaling, sliding_attention: scaling }).nullish(),
  attn_logit_softcapping: z.null().optional(),
  final_logit_softcapping: cap,
});
type Gemma3Keys = z.output<typeof gemma3Schema>;
function gemma3Config(c: Gemma3Keys): DecoderConfig {
  const { full_attention: full, sliding_attention: sliding } = c.rope_parameters ?? {};
  const rotaryBase = full?.rope_theta ?? c.rope_theta;
  return {
    ...sharedConfig(c, c.sliding_window_pattern),
    ...anglesOfConfig(full ?? c.rope_scaling, rotaryBase, c.head_dim, c.max_position_embeddings),
    windowRotaryBase: sliding?.rope_theta ?? c.rope_local_base_freq,
    qkNorm: true,
    ...(c.final_logit_softcapping == null ? {} : { logitCap: c.final_logit_softcapping }),
  };
}
const isUnscaled = (c: Gemma3Keys) => (c.rope_parameters?.sliding_attention?.rope_type ?? "default") === "default";
const checkedGemma3 = gemma3Schema
  .refine(hasAllLayers, ofAllLayers)
  .refine(isUnscaled, { path: ["rope_parameters", "sliding_attention"], message: "Invalid input: expected angles that are not scaled" });
const gemma3Shape = {
  ...llamaShape,
  names: {
    ...gemmaNames,
    "blocks.*.attention.queryNorm": "model.layers.*.self_attn.q_norm",
    "blocks.*.attention.keyNorm": "model.layers.*.self_attn.k_norm",
  },
  normsAroundZero: true,
  floats: caps,
} as const satisfies Partial<ArchitectureRow<"decoder">>;

export const gemma3Text: ArchitectureRow<"decoder"> = {
  ...gemma3Shape,
  architecture: "Gemma3ForCausalLM",
  schema: checkedGemma3,
  toConfig: gemma3Config,
  fromConfig: c => {
    const factor = linearFactorOf(c);
    const keys = !c.qkNorm || c.scoreCap !== undefined || factor === undefined ? undefined : sharedKeys(c);
    const local = c.windowRotaryBase ?? c.rotaryBase;
    const scaled = factor === 1 ? { rope_type: "default" } : { rope_type: "linear", factor };
    return (
      keys && {
        ...keys,
        // both spellings: 4.x reads the first, 5.x the second
        rope_theta: c.rotaryBase,
        rope_local_base_freq: local,
        ...(factor === 1 ? {} : { rope_scaling: scaled }),
        rope_parameters: {
          full_attention: { ...scaled, rope_theta: c.rotaryBase },
          sliding_attention: { rope_type: "default", rope_theta: local },
        },
        final_logit_softcapping: c.logitCap ?? null,
      }
    );
  },
};

/** Keys of the model around the text part: pictures and their places among tokens. */
const aroundGemma3 = z.strictObject({
  ...silentKeys,
  text_config: checkedGemma3,
  vision_config: any,
  mm_tokens_per_image: any,
  boi_token_index: any,
  eoi_token_index: any,
  image_token_index: any,
  initializer_range: any,
  tie_word_embeddings: any,
});
export const gemma3: ArchitectureRow<"decoder"> = {
  ...gemma3Shape,
  architecture: "Gemma3ForConditionalGeneration",
  schema: aroundGemma3,
  toConfig: (c: z.output<typeof aroundGemma3>) => gemma3Config(c.text_config),
  // a text model is written as one
  fromConfig: () => undefined,
  spellings: [
    [/^model\./, "language_model.model."],
    [/^model\./, "model.language_model."],
  ],
  leftOut: [/^(model\.)?(vision_tower|multi_modal_projector)\./, /^(language_model\.)?lm_head\.weight$/],
};
