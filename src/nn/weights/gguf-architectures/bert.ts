/**
 * BERT in GGUF, which the converter calls RoBERTa and XLM-RoBERTa too (their positions begin at the first row there). The files hold what gives
 * states; heads are not in them.
 */
import { z } from "zod";
import type { EncoderConfig } from "../../encoder.ts";
import { layers, share } from "../key-values.ts";
import { type GgufRow, sizes, sizesOf, vocabularySize, wrongEntry } from "./shared.ts";

const schema = z.strictObject({
  ...sizes,
  "attention.layer_norm_epsilon": share,
  "attention.causal": z.literal(false).optional(),
  "attention.head_count_kv": layers.optional(),
  // how states become one vector; whoever serves the model reads it
  pooling_type: z.number().int().min(0).max(4).optional(),
});
type Keys = z.output<typeof schema>;

export const ggufBert: GgufRow<"encoder"> = {
  family: "encoder",
  architecture: "bert",
  schema,
  toConfig(c: Keys, file): EncoderConfig {
    const heads = c["attention.head_count"];
    const types = file.tensors.get("token_types.weight")?.shape;
    if (types === undefined || types.length !== 2) throw wrongEntry(file, "token_types.weight", "a table of kinds of sentence", "none");
    return {
      vocab: vocabularySize(file),
      width: c.embedding_length,
      layers: c.block_count,
      heads,
      kvHeads: c["attention.head_count_kv"] ?? heads,
      headSize: c.embedding_length / heads,
      hidden: c.feed_forward_length,
      context: c.context_length,
      types: types[0]!,
      headless: true,
      epsilon: c["attention.layer_norm_epsilon"],
      bias: true,
      deviation: 0.02,
    };
  },
  fromConfig(c) {
    if (!c.headless || c.firstPosition || !c.bias || c.kvHeads !== c.heads) return undefined;
    return [...sizesOf("bert", c), ["bert.attention.layer_norm_epsilon", "f32", c.epsilon], ["bert.attention.causal", "bool", false]];
  },
  projections: "out-in",
  names: {
    token: "token_embd.weight",
    position: "position_embd.weight",
    type: "token_types.weight",
    norm: "token_embd_norm",
    "blocks.*.attention.query": "blk.*.attn_q",
    "blocks.*.attention.key": "blk.*.attn_k",
    "blocks.*.attention.value": "blk.*.attn_v",
    "blocks.*.attention.output": "blk.*.attn_output",
    "blocks.*.norm1": "blk.*.attn_output_norm",
    "blocks.*.feedForward.up": "blk.*.ffn_up",
    "blocks.*.feedForward.down": "blk.*.ffn_down",
    "blocks.*.norm2": "blk.*.layer_output_norm",
  },
  spellings: [],
  leftOut: [],
};
