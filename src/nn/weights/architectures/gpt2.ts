/** GPT-2 as `transformers` has it. */
import { z } from "zod";
import { isPlainDecoder } from "../../decoder-config.ts";
import type { Activation } from "../../layers.ts";
import { layers, share, size } from "../key-values.ts";
import { type ArchitectureRow, only, silentKeys } from "./shared.ts";

const gpt2Activations: Readonly<Record<string, Activation>> = { gelu_new: "geluTanh", gelu_pytorch_tanh: "geluTanh", gelu: "gelu" };
const gpt2Schema = z.strictObject({
  ...silentKeys,
  vocab_size: size,
  n_positions: size,
  n_embd: size,
  n_layer: layers,
  n_head: layers,
  n_inner: size.nullable().default(null),
  activation_function: z.enum(["gelu_new", "gelu_pytorch_tanh", "gelu"]).default("gelu_new"),
  layer_norm_epsilon: share.default(1e-5),
  initializer_range: share.default(0.02),
  tie_word_embeddings: z.boolean().default(true),
  scale_attn_weights: only(true),
  scale_attn_by_inverse_layer_idx: only(false),
  add_cross_attention: only(false),
  is_encoder_decoder: only(false),
});
export const gpt2: ArchitectureRow<"decoder"> = {
  family: "decoder",
  architecture: "GPT2LMHeadModel",
  schema: gpt2Schema,
  toConfig: (c: z.output<typeof gpt2Schema>) => ({
    vocab: c.vocab_size,
    width: c.n_embd,
    layers: c.n_layer,
    heads: c.n_head,
    kvHeads: c.n_head,
    headSize: c.n_embd / c.n_head,
    hidden: c.n_inner ?? 4 * c.n_embd,
    context: c.n_positions,
    norm: "layer",
    epsilon: c.layer_norm_epsilon,
    positions: "learned",
    rotaryBase: 10_000,
    activation: gpt2Activations[c.activation_function]!,
    bias: true,
    tied: c.tie_word_embeddings,
    qkNorm: false,
    deviation: c.initializer_range,
  }),
  fromConfig: c => {
    const activation = Object.entries(gpt2Activations).find(([, ours]) => ours === c.activation)?.[0];
    const fits = c.norm === "layer" && c.positions === "learned" && c.bias && !c.qkNorm && c.window === undefined && isPlainDecoder(c);
    if (!fits || !activation || c.kvHeads !== c.heads || c.headSize * c.heads !== c.width) return undefined;
    return {
      vocab_size: c.vocab,
      n_positions: c.context,
      n_embd: c.width,
      n_layer: c.layers,
      n_head: c.heads,
      n_inner: c.hidden,
      activation_function: activation,
      layer_norm_epsilon: c.epsilon,
      initializer_range: c.deviation,
      tie_word_embeddings: c.tied,
    };
  },
  projections: "in-out",
  names: {
    token: "transformer.wte.weight",
    position: "transformer.wpe.weight",
    "blocks.*.norm1": "transformer.h.*.ln_1",
    "blocks.*.attention.query": { fused: "transformer.h.*.attn.c_attn", part: 0, parts: 3 },
    "blocks.*.attention.key": { fused: "transformer.h.*.attn.c_attn", part: 1, parts: 3 },
    "blocks.*.attention.value": { fused: "transformer.h.*.attn.c_attn", part: 2, parts: 3 },
    "blocks.*.attention.output": "transformer.h.*.attn.c_proj",
    "blocks.*.norm2": "transformer.h.*.ln_2",
    "blocks.*.feedForward.up": "transformer.h.*.mlp.c_fc",
    "blocks.*.feedForward.down": "transformer.h.*.mlp.c_proj",
    norm: "transformer.ln_f",
    output: "lm_head.weight",
  },
  spellings: [[/^transformer\./, ""]],
  leftOut: [/^(transformer\.)?h\.\d+\.attn\.(masked_)?bias$/, /^lm_head\.weight$/],
};
