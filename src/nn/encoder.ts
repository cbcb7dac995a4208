/**
 * BERT's encoder (Devlin et al. 2018): bidirectional, post-norm, learned positions and segments; masked-language-model logits and pooled
 * sentence embeddings.
 */
import {
  add,
  cast,
  checkShape,
  constant,
  div,
  gather,
  gelu,
  matmul,
  maximum,
  mul,
  reshape,
  slice,
  sqrt,
  sum,
  type Tensor,
} from "../tensor/index.ts";
import { type AttentionSpec, attention, attentionSpec } from "./attention.ts";
import { headSizeOf, type SmallConfig } from "./decoder.ts";
import {
  type Dropout,
  dropout,
  embedding,
  type FeedForwardSpec,
  feedForward,
  feedForwardSpec,
  type LinearSpec,
  linear,
  linearSpec,
  type NormSpec,
  norm,
  normSpec,
} from "./layers.ts";
import { type ParameterSpec, repeat, type TensorsOf, table, zeros } from "./parameters.ts";

export interface EncoderConfig {
  readonly vocab: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly hidden: number;
  readonly context: number;
  /** Kinds of sentence (BERT's token types). */
  readonly types: number;
  readonly epsilon: number;
  readonly bias: boolean;
  readonly deviation: number;
}

export const bertConfig = (c: SmallConfig): EncoderConfig => ({
  ...c,
  kvHeads: c.heads,
  headSize: headSizeOf(c.width, c.heads),
  hidden: c.hidden ?? 4 * c.width,
  types: 2,
  epsilon: 1e-12,
  bias: true,
  deviation: 0.02,
});

export interface EncoderSpec {
  readonly token: ParameterSpec;
  readonly position: ParameterSpec;
  readonly type: ParameterSpec;
  readonly norm: NormSpec;
  readonly blocks: readonly {
    readonly attention: AttentionSpec;
    readonly norm1: NormSpec;
    readonly feedForward: FeedForwardSpec;
    readonly norm2: NormSpec;
  }[];
  /** The masked-language-model head: a transform, then the token table with a bias. */
  readonly head: { readonly transform: LinearSpec; readonly norm: NormSpec; readonly bias: ParameterSpec };
}
export type Encoder = TensorsOf<EncoderSpec>;

export const encoderSpec = (c: EncoderConfig): EncoderSpec => ({
  token: table([c.vocab, c.width], c.deviation),
  position: table([c.context, c.width], c.deviation),
  type: table([c.types, c.width], c.deviation),
  norm: normSpec(c.width, true),
  blocks: repeat(c.layers, () => ({
    attention: attentionSpec(c, c.deviation, c.deviation),
    norm1: normSpec(c.width, true),
    feedForward: feedForwardSpec(c.width, c.hidden, "gelu", true, c.deviation, c.deviation),
    norm2: normSpec(c.width, true),
  })),
  head: { transform: linearSpec(c.width, c.width, c.deviation, true), norm: normSpec(c.width, true), bias: zeros([c.vocab]) },
});

export interface EncoderOptions {
  /** 1 where a token is real, 0 where it pads: [B, T] (i32). */
  readonly present?: Tensor;
  /** Kind of sentence of each token [B, T] (i32). */
  readonly types?: Tensor;
  readonly dropout?: Dropout;
  readonly onAttention?: (layer: number, weights: Tensor) => void;
}

/** Hidden states [B, T, C] of tokens [B, T]. */
export function encoderStates(c: EncoderConfig, p: Encoder, tokens: Tensor, o: EncoderOptions = {}): Tensor {
  const { B, T } = checkShape("encoder.tokens", tokens, "B T") as { B: number; T: number };
  const type = o.types ? gather(p.type, o.types) : slice(p.type, [0, 1]);
  let x = norm("layer", p.norm, add(add(embedding(p.token, tokens), slice(p.position, [0, T])), type), c.epsilon);
  x = dropout(o.dropout, x);
  // queries count as segment 1 wherever they stand: padding is never seen, and a padded query sees the real tokens
  const everywhere = constant(new Int32Array(B * T).fill(1), "i32", [B, T]);
  const masks = o.present ? { segments: everywhere, memory: undefined, memorySegments: o.present } : undefined;
  for (const [i, b] of p.blocks.entries()) {
    const attended = attention(c, b.attention, x, {
      sight: { causal: false },
      ...(masks ? { segments: masks.segments, memory: x, memorySegments: masks.memorySegments } : {}),
      ...(o.onAttention ? { onWeights: w => o.onAttention!(i, w) } : {}),
    }).output;
    x = norm("layer", b.norm1, add(x, dropout(o.dropout, attended)), c.epsilon);
    x = norm("layer", b.norm2, add(x, dropout(o.dropout, feedForward("gelu", b.feedForward, x))), c.epsilon);
  }
  return x;
}

/** Masked-language-model logits [N, V] of states [N, C] (gather the masked positions first: the table is wide). */
export function maskedLogits(c: EncoderConfig, p: Encoder, states: Tensor): Tensor {
  const h = norm("layer", p.head.norm, gelu(linear(p.head.transform, states)), c.epsilon);
  return add(matmul(h, p.token, { transposeB: true }), p.head.bias);
}

/** Mean of the real tokens' states, scaled to length 1: [B, T, C], present [B, T] -> [B, C]. */
export function meanPooled(states: Tensor, present?: Tensor): Tensor {
  const [b, t] = states.shape as [number, number, number];
  const weight = present ? cast(present, states.dtype) : constant(new Float32Array(b * t).fill(1), "f32", [b, t]);
  const total = sum(mul(states, reshape(weight, [b, t, 1])), 1);
  const average = div(total, maximum(sum(weight, 1, true), 1e-9));
  return div(average, maximum(sqrt(sum(mul(average, average), -1, true)), 1e-12));
}
