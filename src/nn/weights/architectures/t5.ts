/**
 * T5 as `transformers` has it: relative positions that all layers share, RMS norms, scores that are not scaled. The first version multiplies
 * by a plain ReLU and ties its output table, scaled; the second (1.1, FLAN, mT5) gates and does neither.
 */
import { z } from "zod";
import type { EncoderDecoderConfig } from "../../encoder-decoder.ts";
import type { Activation } from "../../layers.ts";
import { any, layers, share, size } from "../key-values.ts";
import type { WeightNames } from "../layout.ts";
import { type ArchitectureRow, only, silentKeys } from "./shared.ts";

const activations = { relu: "relu", "gated-gelu": "geglu" } as const satisfies Record<string, Activation>;
const schema = z.strictObject({
  ...silentKeys,
  vocab_size: size,
  d_model: size,
  d_kv: size,
  d_ff: size,
  num_layers: layers,
  num_decoder_layers: layers.nullish(),
  num_heads: layers,
  relative_attention_num_buckets: size.default(32),
  relative_attention_max_distance: size.default(128),
  layer_norm_epsilon: share.default(1e-6),
  feed_forward_proj: z.enum(["relu", "gated-gelu"]).default("relu"),
  // what follows from the one above, where a newer library has written it down
  dense_act_fn: any,
  is_gated_act: any,
  tie_word_embeddings: z.boolean().default(true),
  // newer libraries write that all tables are tied, and here whether this one was meant to be
  scale_decoder_outputs: z.boolean().optional(),
  is_encoder_decoder: only(true),
  is_decoder: only(false),
  // distances have no end; how long texts were in training
  n_positions: size.default(512),
  decoder_start_token_id: any,
  dropout_rate: any,
  initializer_factor: any,
  output_past: any,
});

const side = (from: string, to: string, feedForward: number): WeightNames => ({
  [`${from}.*.norm1`]: `${to}.block.*.layer.0.layer_norm`,
  [`${from}.*.attention.query`]: `${to}.block.*.layer.0.SelfAttention.q`,
  [`${from}.*.attention.key`]: `${to}.block.*.layer.0.SelfAttention.k`,
  [`${from}.*.attention.value`]: `${to}.block.*.layer.0.SelfAttention.v`,
  [`${from}.*.attention.output`]: `${to}.block.*.layer.0.SelfAttention.o`,
  [`${from}.*.norm2`]: `${to}.block.*.layer.${feedForward}.layer_norm`,
  [`${from}.*.feedForward.gate`]: `${to}.block.*.layer.${feedForward}.DenseReluDense.wi_0`,
  [`${from}.*.feedForward.up`]: `${to}.block.*.layer.${feedForward}.DenseReluDense.wi`,
  [`${from}.*.feedForward.down`]: `${to}.block.*.layer.${feedForward}.DenseReluDense.wo`,
  [`${from}Norm`]: `${to}.final_layer_norm`,
});
const names: WeightNames = {
  token: "shared.weight",
  sourcePosition: "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
  targetPosition: "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
  ...side("encoder", "encoder", 1),
  ...side("decoder", "decoder", 2),
  "decoder.*.normAcross": "decoder.block.*.layer.1.layer_norm",
  "decoder.*.across.query": "decoder.block.*.layer.1.EncDecAttention.q",
  "decoder.*.across.key": "decoder.block.*.layer.1.EncDecAttention.k",
  "decoder.*.across.value": "decoder.block.*.layer.1.EncDecAttention.v",
  "decoder.*.across.output": "decoder.block.*.layer.1.EncDecAttention.o",
  output: "lm_head.weight",
};
const gatedNames: WeightNames = {
  "encoder.*.feedForward.up": "encoder.block.*.layer.1.DenseReluDense.wi_1",
  "decoder.*.feedForward.up": "decoder.block.*.layer.2.DenseReluDense.wi_1",
};

export const t5: ArchitectureRow<"encoder-decoder"> = {
  family: "encoder-decoder",
  architecture: "T5ForConditionalGeneration",
  schema,
  toConfig: (c: z.output<typeof schema>): EncoderDecoderConfig => ({
    vocab: c.vocab_size,
    width: c.d_model,
    encoderLayers: c.num_layers,
    decoderLayers: c.num_decoder_layers ?? c.num_layers,
    heads: c.num_heads,
    kvHeads: c.num_heads,
    headSize: c.d_kv,
    hidden: c.d_ff,
    context: c.n_positions,
    norm: "rms",
    epsilon: c.layer_norm_epsilon,
    activation: activations[c.feed_forward_proj],
    bias: false,
    relative: { buckets: c.relative_attention_num_buckets, farthest: c.relative_attention_max_distance },
    scoreScale: 1,
    ...(c.tie_word_embeddings && c.scale_decoder_outputs !== false ? { outputScale: c.d_model ** -0.5 } : { untied: true }),
    deviation: 0.02,
  }),
  fromConfig(c) {
    const proj = Object.entries(activations).find(([, ours]) => ours === c.activation)?.[0];
    const isT5 = c.norm === "rms" && !c.bias && c.scoreScale === 1 && c.kvHeads === c.heads;
    const isScaled = c.untied ? c.outputScale === undefined : c.outputScale === c.width ** -0.5;
    if (!proj || !isT5 || !isScaled || !c.relative) return undefined;
    return {
      vocab_size: c.vocab,
      d_model: c.width,
      d_kv: c.headSize,
      d_ff: c.hidden,
      num_layers: c.encoderLayers,
      num_decoder_layers: c.decoderLayers,
      num_heads: c.heads,
      relative_attention_num_buckets: c.relative.buckets,
      relative_attention_max_distance: c.relative.farthest,
      layer_norm_epsilon: c.epsilon,
      feed_forward_proj: proj,
      tie_word_embeddings: !c.untied,
      is_encoder_decoder: true,
      n_positions: c.context,
    };
  },
  projections: "out-in",
  names,
  namesOf: ({ config }) => ("activation" in config && config.activation === "geglu" ? gatedNames : {}),
  // a file whose tables are one after all
  spellings: [[/^lm_head\.weight$/, "shared.weight"]],
  leftOut: [
    /^(encoder|decoder)\.embed_tokens\.weight$/,
    /^lm_head\.weight$/,
    // cross-attention of early files has one, which nothing reads
    /^decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/,
  ],
};
