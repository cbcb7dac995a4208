/**
 * What Loam knows of Hugging Face models, as data: a row an architecture says what its `config.json` may hold, how that becomes our
 * configuration and back, and how its tensors are named. A key or a tensor that no row names is an error, never ignored: a setting that we
 * do not know could change the model's function. Names and defaults: the `transformers` library, 4.x and 5.x.
 */
import { z } from "zod";
import type { Families, FamilyName } from "../families.ts";
import type { Activation } from "../layers.ts";

/** Where a parameter lies: its module's name over there, or one part of a module that fuses several along its outputs. */
export type Place = string | { readonly fused: string; readonly part: number; readonly parts: number };

/** Our module (or leaf) -> theirs, `*` standing for the layer; `.weight` and `.bias` follow on both sides where a module has them. */
export type Names = Readonly<Record<string, Place>>;

export interface ArchitectureRow<F extends FamilyName = FamilyName> {
  readonly family: F;
  /** The class that saves such files. */
  readonly architecture: string;
  /** Parses their configuration, given as plain data; strict. */
  readonly schema: z.ZodType<Record<string, unknown>>;
  readonly toConfig: (theirs: never) => Families[F]["config"];
  /** Their configuration of ours; undefined where it has none. */
  readonly fromConfig: (ours: Families[F]["config"]) => Record<string, unknown> | undefined;
  /** How they store a projection: [in, out] as we do, or transposed. */
  readonly projections: "in-out" | "out-in";
  readonly names: Names;
  /** Other spellings that files have: each pattern may be replaced in a name. */
  readonly spellings: readonly (readonly [RegExp, string])[];
  /** Tensors that may be there and carry nothing that we use: buffers, copies of tied tables, heads for other tasks. */
  readonly leftOut: readonly RegExp[];
}

const size = z
  .number()
  .int()
  .min(1)
  .max(2 ** 24);
const layers = z.number().int().min(1).max(4096);
const share = z.number().min(0).max(1);
const any = z.unknown().optional();

/** Keys that say nothing about the forward pass: bookkeeping, generation, dropout rates, heads for other tasks. */
const silent = Object.fromEntries(
  `model_type architectures transformers_version torch_dtype dtype _name_or_path _attn_implementation use_cache bos_token_id eos_token_id
   pad_token_id unk_token_id sep_token_id cls_token_id mask_token_id id2label label2id num_labels problem_type output_attentions
   output_hidden_states return_dict gradient_checkpointing task_specific_params finetuning_task tokenizer_class chunk_size_feed_forward
   pretraining_tp n_ctx reorder_and_upcast_attn resid_pdrop embd_pdrop attn_pdrop attention_dropout hidden_dropout_prob
   attention_probs_dropout_prob classifier_dropout summary_type summary_use_proj summary_activation summary_proj_to_labels
   summary_first_dropout`
    .split(/\s+/)
    .map(key => [key, any]),
) as Record<string, typeof any>;
/** Keys of which one value is supported; it is also the default. */
const only = <T extends z.util.Literal>(value: T) => z.literal(value).default(value as never);

const gpt2Activations: Readonly<Record<string, Activation>> = { gelu_new: "geluTanh", gelu_pytorch_tanh: "geluTanh", gelu: "gelu" };
const gpt2Schema = z.strictObject({
  ...silent,
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
const gpt2: ArchitectureRow<"decoder"> = {
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
    const fits =
      c.norm === "layer" && c.positions === "learned" && c.bias && !c.qkNorm && c.window === undefined && c.logitCap === undefined;
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

/** Rotary settings in the three spellings of the library's versions; scaled variants are not supported. */
const rotary = {
  rope_theta: z.number().positive().optional(),
  rope_scaling: z.null().optional(),
  rope_parameters: z
    .strictObject({ rope_theta: z.number().positive(), rope_type: z.literal("default").default("default") })
    .nullable()
    .optional(),
};
const llamaShared = {
  ...silent,
  ...rotary,
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
const llamaConfigOf = (c: z.output<z.ZodObject<typeof llamaShared>>): Families["decoder"]["config"] => ({
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
  rotaryBase: c.rope_parameters?.rope_theta ?? c.rope_theta ?? 10_000,
  activation: "swiglu",
  bias: false,
  tied: c.tie_word_embeddings,
  qkNorm: false,
  deviation: c.initializer_range,
});
const llamaKeysOf = (c: Families["decoder"]["config"]): Record<string, unknown> | undefined => {
  const fits = c.norm === "rms" && c.positions === "rotary" && c.activation === "swiglu" && !c.qkNorm && c.logitCap === undefined;
  if (!fits) return undefined;
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
    rope_parameters: { rope_theta: c.rotaryBase, rope_type: "default" },
    tie_word_embeddings: c.tied,
  };
};
const llamaNames: Names = {
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
const llamaShape = {
  family: "decoder",
  projections: "out-in",
  names: llamaNames,
  spellings: [[/^model\./, ""]],
  leftOut: [/^(model\.)?layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/, /^lm_head\.weight$/],
} as const satisfies Partial<ArchitectureRow<"decoder">>;
const llama: ArchitectureRow<"decoder"> = {
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
const mistral: ArchitectureRow<"decoder"> = {
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

const bertSchema = z.strictObject({
  ...silent,
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: layers,
  num_attention_heads: layers,
  intermediate_size: size,
  hidden_act: only("gelu"),
  max_position_embeddings: size,
  type_vocab_size: size.default(2),
  initializer_range: share.default(0.02),
  layer_norm_eps: share.default(1e-12),
  position_embedding_type: only("absolute"),
  tie_word_embeddings: only(true),
  is_decoder: only(false),
  is_encoder_decoder: only(false),
  add_cross_attention: only(false),
});
const bert: ArchitectureRow<"encoder"> = {
  family: "encoder",
  architecture: "BertForMaskedLM",
  schema: bertSchema,
  toConfig: (c: z.output<typeof bertSchema>) => ({
    vocab: c.vocab_size,
    width: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads: c.num_attention_heads,
    headSize: c.hidden_size / c.num_attention_heads,
    hidden: c.intermediate_size,
    context: c.max_position_embeddings,
    types: c.type_vocab_size,
    epsilon: c.layer_norm_eps,
    bias: true,
    deviation: c.initializer_range,
  }),
  fromConfig: c => {
    if (!c.bias || c.kvHeads !== c.heads || c.headSize * c.heads !== c.width) return undefined;
    return {
      vocab_size: c.vocab,
      hidden_size: c.width,
      num_hidden_layers: c.layers,
      num_attention_heads: c.heads,
      intermediate_size: c.hidden,
      hidden_act: "gelu",
      max_position_embeddings: c.context,
      type_vocab_size: c.types,
      initializer_range: c.deviation,
      layer_norm_eps: c.epsilon,
      tie_word_embeddings: true,
    };
  },
  projections: "out-in",
  names: {
    token: "bert.embeddings.word_embeddings.weight",
    position: "bert.embeddings.position_embeddings.weight",
    type: "bert.embeddings.token_type_embeddings.weight",
    norm: "bert.embeddings.LayerNorm",
    "blocks.*.attention.query": "bert.encoder.layer.*.attention.self.query",
    "blocks.*.attention.key": "bert.encoder.layer.*.attention.self.key",
    "blocks.*.attention.value": "bert.encoder.layer.*.attention.self.value",
    "blocks.*.attention.output": "bert.encoder.layer.*.attention.output.dense",
    "blocks.*.norm1": "bert.encoder.layer.*.attention.output.LayerNorm",
    "blocks.*.feedForward.up": "bert.encoder.layer.*.intermediate.dense",
    "blocks.*.feedForward.down": "bert.encoder.layer.*.output.dense",
    "blocks.*.norm2": "bert.encoder.layer.*.output.LayerNorm",
    "head.transform": "cls.predictions.transform.dense",
    "head.norm": "cls.predictions.transform.LayerNorm",
    "head.bias": "cls.predictions.bias",
  },
  spellings: [
    [/^bert\./, ""],
    // checkpoints that were converted from TensorFlow
    [/LayerNorm\.weight$/, "LayerNorm.gamma"],
    [/LayerNorm\.bias$/, "LayerNorm.beta"],
  ],
  leftOut: [
    /^(bert\.)?embeddings\.position_ids$/,
    /^(bert\.)?pooler\.dense\.(weight|bias)$/,
    /^cls\.seq_relationship\.(weight|bias)$/,
    /^cls\.predictions\.decoder\.(weight|bias)$/,
  ],
};

/** model_type -> row. */
export const architectures = { gpt2, llama, mistral, bert } as const;
export type ModelType = keyof typeof architectures;
export const modelTypes = Object.keys(architectures) as readonly ModelType[];
