/** Llama in GGUF (Mistral is called so too), and what is built like it: Qwen 2 and 3. */
import { z } from "zod";
import { type DecoderConfig, isPlainDecoder } from "../../decoder-config.ts";
import type { GgufFile } from "../gguf.ts";
import type { GgufEntry } from "../gguf-write.ts";
import { layers, share, size } from "../key-values.ts";
import type { WeightNames } from "../layout.ts";
import { anglesOfFile, ropeEntries, ropeKeys } from "./rope.ts";
import { type GgufRow, saidByTensors, sizes, sizesOf, wrongEntry } from "./shared.ts";

/** Keys of attention that decoders with RMS norms and rotary angles have. */
export const llamaKeys = {
  ...sizes,
  ...ropeKeys,
  "attention.head_count_kv": layers.optional(),
  "attention.layer_norm_rms_epsilon": share,
  "attention.key_length": size.optional(),
  "attention.value_length": size.optional(),
  "attention.sliding_window": z.number().int().min(0).optional(),
  "attention.causal": z.literal(true).optional(),
};
const llamaSchema = z.strictObject({ ...llamaKeys, expert_count: z.literal(0).optional(), expert_used_count: z.literal(0).optional() });

/** What those keys say. */
export async function llamaBody(c: z.output<z.ZodObject<typeof llamaKeys>>, file: GgufFile) {
  const heads = c["attention.head_count"];
  const headSize = c["attention.key_length"] ?? c.embedding_length / heads;
  if ((c["attention.value_length"] ?? headSize) !== headSize)
    throw wrongEntry(file, "attention.value_length", `that of keys, ${headSize}`, String(c["attention.value_length"]));
  return {
    ...saidByTensors(file),
    width: c.embedding_length,
    layers: c.block_count,
    heads,
    kvHeads: c["attention.head_count_kv"] ?? heads,
    headSize,
    hidden: c.feed_forward_length,
    context: c.context_length,
    norm: "rms",
    epsilon: c["attention.layer_norm_rms_epsilon"],
    positions: "rotary",
    ...(await anglesOfFile(c, headSize, c.context_length, file)),
    qkNorm: file.tensors.has("blk.0.attn_q_norm.weight"),
  } as const;
}
async function llamaConfig(c: z.output<typeof llamaSchema>, file: GgufFile): Promise<DecoderConfig> {
  const window = c["attention.sliding_window"];
  const has = (name: string) => file.tensors.has(`blk.0.${name}.bias`);
  const bias = has("attn_q") && has("attn_output") && has("ffn_up");
  return {
    ...(await llamaBody(c, file)),
    activation: "swiglu",
    bias,
    ...(!bias && has("attn_q") ? { qkvBias: true } : {}),
    ...(window ? { window } : {}),
  };
}

/** The keys of a decoder with RMS norms and rotary angles; undefined where its angles have none. */
export function llamaEntries(name: string, c: DecoderConfig, takesTensor = false): GgufEntry[] | undefined {
  const angles = ropeEntries(name, c, takesTensor);
  return (
    angles && [
      ...sizesOf(name, c),
      [`${name}.attention.head_count_kv`, "u32", c.kvHeads],
      [`${name}.attention.layer_norm_rms_epsilon`, "f32", c.epsilon],
      [`${name}.attention.key_length`, "u32", c.headSize],
      [`${name}.attention.value_length`, "u32", c.headSize],
      ...angles,
      ...(c.window === undefined ? [] : [[`${name}.attention.sliding_window`, "u32", c.window] as const]),
    ]
  );
}
/** What a row may have beside what every Llama has. */
type Beside = Partial<Pick<DecoderConfig, "bias" | "qkvBias" | "qkNorm">> & { readonly takesTensor?: boolean };
const entriesOf =
  (name: string, { bias = false, qkvBias = false, qkNorm = false, takesTensor = false }: Beside) =>
  (c: DecoderConfig): readonly GgufEntry[] | undefined => {
    const isLlama = c.norm === "rms" && c.positions === "rotary" && c.activation === "swiglu" && isPlainDecoder(c);
    const has = c.qkNorm === qkNorm && (c.qkvBias ?? false) === qkvBias && (!c.bias || bias);
    return isLlama && has ? llamaEntries(name, c, takesTensor) : undefined;
  };

export const ggufLlamaNames: WeightNames = {
  token: "token_embd.weight",
  "blocks.*.norm1": "blk.*.attn_norm",
  "blocks.*.attention.query": "blk.*.attn_q",
  "blocks.*.attention.key": "blk.*.attn_k",
  "blocks.*.attention.value": "blk.*.attn_v",
  "blocks.*.attention.output": "blk.*.attn_output",
  "blocks.*.attention.queryNorm": "blk.*.attn_q_norm",
  "blocks.*.attention.keyNorm": "blk.*.attn_k_norm",
  "blocks.*.norm2": "blk.*.ffn_norm",
  "blocks.*.feedForward.gate": "blk.*.ffn_gate",
  "blocks.*.feedForward.up": "blk.*.ffn_up",
  "blocks.*.feedForward.down": "blk.*.ffn_down",
  norm: "output_norm",
  output: "output.weight",
};
const llamaShape = {
  family: "decoder",
  projections: "out-in",
  names: ggufLlamaNames,
  spellings: [],
  leftOut: [/^rope_freqs\.weight$/],
  schema: llamaSchema,
  toConfig: llamaConfig,
} as const satisfies Partial<GgufRow<"decoder">>;

// the converter lays queries and keys of Llama (and of Mistral, which it calls so too) out for rotation of neighbours
export const ggufLlama: GgufRow<"decoder"> = {
  ...llamaShape,
  architecture: "llama",
  paired: ["blocks.*.attention.query", "blocks.*.attention.key"],
  fromConfig: entriesOf("llama", { bias: true, takesTensor: true }),
};
export const ggufQwen2: GgufRow<"decoder"> = { ...llamaShape, architecture: "qwen2", fromConfig: entriesOf("qwen2", { qkvBias: true }) };
export const ggufQwen3: GgufRow<"decoder"> = { ...llamaShape, architecture: "qwen3", fromConfig: entriesOf("qwen3", { qkNorm: true }) };
