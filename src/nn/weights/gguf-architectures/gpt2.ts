/** GPT-2 in GGUF. */
import { z } from "zod";
import { isPlainDecoder } from "../../decoder-config.ts";
import { share } from "../key-values.ts";
import { type GgufRow, saidByTensors, sizes, sizesOf } from "./shared.ts";

const gpt2Schema = z.strictObject({ ...sizes, "attention.layer_norm_epsilon": share });
export const ggufGpt2: GgufRow<"decoder"> = {
  family: "decoder",
  architecture: "gpt2",
  schema: gpt2Schema,
  toConfig: (c: z.output<typeof gpt2Schema>, file) => ({
    ...saidByTensors(file),
    width: c.embedding_length,
    layers: c.block_count,
    heads: c["attention.head_count"],
    kvHeads: c["attention.head_count"],
    headSize: c.embedding_length / c["attention.head_count"],
    hidden: c.feed_forward_length,
    context: c.context_length,
    norm: "layer",
    epsilon: c["attention.layer_norm_epsilon"],
    positions: "learned",
    rotaryBase: 10_000,
    activation: "geluTanh",
    bias: true,
    qkNorm: false,
  }),
  fromConfig: c => {
    const fits = c.norm === "layer" && c.positions === "learned" && c.activation === "geluTanh" && c.bias && !c.qkNorm;
    if (!fits || c.window !== undefined || !isPlainDecoder(c) || c.kvHeads !== c.heads || c.headSize * c.heads !== c.width)
      return undefined;
    return [...sizesOf("gpt2", c), ["gpt2.attention.layer_norm_epsilon", "f32", c.epsilon]];
  },
  projections: "out-in",
  names: {
    token: "token_embd.weight",
    position: "position_embd.weight",
    "blocks.*.norm1": "blk.*.attn_norm",
    "blocks.*.attention.query": { fused: "blk.*.attn_qkv", part: 0, parts: 3 },
    "blocks.*.attention.key": { fused: "blk.*.attn_qkv", part: 1, parts: 3 },
    "blocks.*.attention.value": { fused: "blk.*.attn_qkv", part: 2, parts: 3 },
    "blocks.*.attention.output": "blk.*.attn_output",
    "blocks.*.norm2": "blk.*.ffn_norm",
    "blocks.*.feedForward.up": "blk.*.ffn_up",
    "blocks.*.feedForward.down": "blk.*.ffn_down",
    norm: "output_norm",
    output: "output.weight",
  },
  spellings: [],
  leftOut: [],
};
