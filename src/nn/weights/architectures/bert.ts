/**
 * BERT as `transformers` has it, and RoBERTa, which is the same encoder with other names, positions that begin after the padding token's id, and
 * one kind of sentence. What the checkpoint is for, masked tokens or classes of texts, its `architectures` say.
 */
import { z } from "zod";
import { defined } from "../../../base/index.ts";
import type { ClassifierConfig } from "../../classifier-config.ts";
import type { EncoderConfig } from "../../encoder.ts";
import { layers, share, size } from "../key-values.ts";
import type { WeightNames } from "../layout.ts";
import { type ArchitectureRow, only, silentKeys } from "./shared.ts";

const shared = {
  ...silentKeys,
  architectures: z.array(z.string()).nullish(),
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: size.nullish(),
  problem_type: z.enum(["regression", "single_label_classification", "multi_label_classification"]).nullish(),
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
};
const schema = z.strictObject(shared);
type Keys = z.output<typeof schema>;

const kinds = { regression: "value", single_label_classification: "one", multi_label_classification: "several" } as const;

/** Labels by their numbers; the library's own names where the file has none. */
function labelsOf(c: Keys): string[] {
  const named = Object.entries(c.id2label ?? {}).map(([id, label]) => [Number(id), label] as const);
  if (named.length) return named.sort(([a], [b]) => a - b).map(([, label]) => label);
  return Array.from({ length: c.num_labels ?? 2 }, (_, i) => `LABEL_${i}`);
}
function classifierOf(c: Keys): ClassifierConfig | undefined {
  if (!c.architectures?.some(name => name.endsWith("ForSequenceClassification"))) return undefined;
  const labels = labelsOf(c);
  // one number that nobody names is a score, as rerankers have
  return { labels, kind: c.problem_type ? kinds[c.problem_type] : labels.length === 1 ? "value" : "one" };
}
const configOf = (c: Keys, firstPosition: number): EncoderConfig => {
  const classifier = classifierOf(c);
  // such checkpoints end with the last block's states
  const headless = c.architectures?.length ? c.architectures.every(name => /^(Bert|Roberta|XLMRoberta)Model$/.test(name)) : false;
  return {
    vocab: c.vocab_size,
    width: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads: c.num_attention_heads,
    headSize: c.hidden_size / c.num_attention_heads,
    hidden: c.intermediate_size,
    context: c.max_position_embeddings - firstPosition,
    ...(firstPosition ? { firstPosition } : {}),
    types: c.type_vocab_size,
    ...defined({ classifier }),
    ...(headless ? { headless } : {}),
    epsilon: c.layer_norm_eps,
    bias: true,
    deviation: c.initializer_range,
  };
};

function keysOf(c: EncoderConfig, name: string): Record<string, unknown> | undefined {
  if (!c.bias || c.kvHeads !== c.heads || c.headSize * c.heads !== c.width) return undefined;
  if (c.classifier?.pooling === "mean") return undefined;
  const problem = Object.entries(kinds).find(([, kind]) => kind === c.classifier?.kind)?.[0];
  return {
    ...(c.classifier
      ? {
          architectures: [`${name}ForSequenceClassification`],
          id2label: Object.fromEntries(c.classifier.labels.map((label, i) => [i, label])),
          label2id: Object.fromEntries(c.classifier.labels.map((label, i) => [label, i])),
          problem_type: problem,
        }
      : c.headless
        ? { architectures: [`${name}Model`] }
        : {}),
    vocab_size: c.vocab,
    hidden_size: c.width,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    intermediate_size: c.hidden,
    hidden_act: "gelu",
    max_position_embeddings: c.context + (c.firstPosition ?? 0),
    type_vocab_size: c.types,
    initializer_range: c.deviation,
    layer_norm_eps: c.epsilon,
    tie_word_embeddings: true,
  };
}

const bodyNames = (prefix: string): WeightNames => ({
  token: `${prefix}.embeddings.word_embeddings.weight`,
  position: `${prefix}.embeddings.position_embeddings.weight`,
  type: `${prefix}.embeddings.token_type_embeddings.weight`,
  norm: `${prefix}.embeddings.LayerNorm`,
  "blocks.*.attention.query": `${prefix}.encoder.layer.*.attention.self.query`,
  "blocks.*.attention.key": `${prefix}.encoder.layer.*.attention.self.key`,
  "blocks.*.attention.value": `${prefix}.encoder.layer.*.attention.self.value`,
  "blocks.*.attention.output": `${prefix}.encoder.layer.*.attention.output.dense`,
  "blocks.*.norm1": `${prefix}.encoder.layer.*.attention.output.LayerNorm`,
  "blocks.*.feedForward.up": `${prefix}.encoder.layer.*.intermediate.dense`,
  "blocks.*.feedForward.down": `${prefix}.encoder.layer.*.output.dense`,
  "blocks.*.norm2": `${prefix}.encoder.layer.*.output.LayerNorm`,
});

export const bert: ArchitectureRow<"encoder"> = {
  family: "encoder",
  architecture: "BertForMaskedLM",
  schema,
  toConfig: (c: Keys) => configOf(c, 0),
  fromConfig: c => (c.firstPosition ? undefined : keysOf(c, "Bert")),
  projections: "out-in",
  names: {
    ...bodyNames("bert"),
    "head.transform": "cls.predictions.transform.dense",
    "head.norm": "cls.predictions.transform.LayerNorm",
    "head.bias": "cls.predictions.bias",
    "classifier.transform": "bert.pooler.dense",
    "classifier.output": "classifier",
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
  head: /^cls\.predictions\./,
};

const robertaSchema = z.strictObject({
  ...shared,
  type_vocab_size: size.default(1),
  layer_norm_eps: share.default(1e-5),
  // says where positions begin
  pad_token_id: z.number().int().min(0).max(1000).default(1),
});
const robertaShape = {
  family: "encoder",
  schema: robertaSchema,
  toConfig: (c: z.output<typeof robertaSchema>) => configOf(c, c.pad_token_id + 1),
  projections: "out-in",
  names: {
    ...bodyNames("roberta"),
    "head.transform": "lm_head.dense",
    "head.norm": "lm_head.layer_norm",
    "head.bias": "lm_head.bias",
    "classifier.transform": "classifier.dense",
    "classifier.output": "classifier.out_proj",
  },
  spellings: [[/^roberta\./, ""]],
  leftOut: [/^(roberta\.)?embeddings\.position_ids$/, /^(roberta\.)?pooler\.dense\.(weight|bias)$/, /^lm_head\.decoder\.(weight|bias)$/],
  head: /^lm_head\./,
} as const satisfies Partial<ArchitectureRow<"encoder">>;
export const roberta: ArchitectureRow<"encoder"> = {
  ...robertaShape,
  architecture: "RobertaForMaskedLM",
  fromConfig(c) {
    const keys = c.firstPosition ? keysOf(c, "Roberta") : undefined;
    return keys && { ...keys, pad_token_id: c.firstPosition! - 1 };
  },
};
/** RoBERTa over a hundred languages (Conneau et al. 2019): another vocabulary. It is written as RoBERTa. */
export const xlmRoberta: ArchitectureRow<"encoder"> = {
  ...robertaShape,
  architecture: "XLMRobertaForMaskedLM",
  fromConfig: () => undefined,
};
