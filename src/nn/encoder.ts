/**
 * BERT's encoder (Devlin et al. 2018), which is RoBERTa's too: bidirectional, post-norm, learned positions and segments; masked-language-model
 * logits, classes of texts, and pooled sentence embeddings.
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
  tanh,
} from "../tensor/index.ts";
import { type AttentionSpec, attention, attentionSpec, type PackedTexts, packedAttention } from "./attention.ts";
import type { ClassifierConfig } from "./classifier-config.ts";
import { headSizeOf, type SmallConfig } from "./decoder-config.ts";
import { nnErrors } from "./errors.ts";
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
  type Norm,
  type NormSpec,
  norm,
  normSpec,
} from "./layers.ts";
import { type ParameterSpec, repeat, type TensorsOf, table, vocabularyTable, zerosSpec } from "./parameters.ts";

export interface EncoderConfig {
  readonly vocab: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly hidden: number;
  readonly context: number;
  /** Rows of the position table before the first token's (RoBERTa: 2). */
  readonly firstPosition?: number;
  /** Kinds of sentence (BERT's token types). */
  readonly types: number;
  /** It tells classes of texts instead of masked tokens. */
  readonly classifier?: ClassifierConfig;
  /** It tells nothing: its states are what is wanted (sentence encoders). */
  readonly headless?: boolean;
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
  readonly head?: { readonly transform: LinearSpec; readonly norm: NormSpec; readonly bias: ParameterSpec };
  /** A classifier's head over a text's state. */
  readonly classifier?: { readonly transform: LinearSpec; readonly output: LinearSpec };
}
export type Encoder = TensorsOf<EncoderSpec>;

export const encoderSpec = (c: EncoderConfig): EncoderSpec => ({
  token: vocabularyTable([c.vocab, c.width], c.deviation),
  position: table([c.context + (c.firstPosition ?? 0), c.width], c.deviation),
  type: table([c.types, c.width], c.deviation),
  norm: normSpec(c.width, true),
  blocks: repeat(c.layers, () => ({
    attention: attentionSpec(c, c.deviation, c.deviation),
    norm1: normSpec(c.width, true),
    feedForward: feedForwardSpec(c.width, c.hidden, "gelu", true, c.deviation, c.deviation),
    norm2: normSpec(c.width, true),
  })),
  ...(c.classifier
    ? {
        classifier: {
          transform: linearSpec(c.width, c.width, c.deviation, true),
          output: linearSpec(c.width, c.classifier.labels.length, c.deviation, true),
        },
      }
    : c.headless
      ? {}
      : {
          head: {
            transform: linearSpec(c.width, c.width, c.deviation, true),
            norm: normSpec(c.width, true),
            bias: zerosSpec([c.vocab], { tensor: 0 }),
          },
        }),
});

export interface EncoderOptions {
  /** 1 where a token is real, 0 where it pads: [B, T] (i32). */
  readonly present?: Tensor;
  /** Kind of sentence of each token [B, T] (i32). */
  readonly types?: Tensor;
  readonly dropout?: Dropout;
  readonly onAttention?: (layer: number, weights: Tensor) => void;
}

type Block = Encoder["blocks"][number];

/** A norm whose channels are divided for what multiplies them next; what is added to them wants them whole (quantise/). */
interface DividedNorm extends Norm {
  /** What the channels were divided by [C]. */
  readonly divisors?: Tensor;
}
const whole = ({ divisors }: DividedNorm, x: Tensor): Tensor => (divisors ? mul(x, divisors) : x);

/** States behind the first norm through all blocks; `attend` gives a block's attention. */
function throughBlocks(
  c: EncoderConfig,
  p: Encoder,
  first: Tensor,
  attend: (b: Block, x: Tensor, layer: number) => Tensor,
  drop: (x: Tensor) => Tensor = x => x,
): Tensor {
  let x = first;
  let last: DividedNorm = p.norm;
  for (const [i, b] of p.blocks.entries()) {
    x = norm("layer", b.norm1, add(whole(last, x), drop(attend(b, x, i))), c.epsilon);
    x = norm("layer", b.norm2, add(whole(b.norm1, x), drop(feedForward("gelu", b.feedForward, x))), c.epsilon);
    last = b.norm2;
  }
  return whole(last, x);
}

/** Hidden states [B, T, C] of tokens [B, T]. */
export function encoderStates(c: EncoderConfig, p: Encoder, tokens: Tensor, o: EncoderOptions = {}): Tensor {
  const { B, T } = checkShape("encoder.tokens", tokens, "B T") as { B: number; T: number };
  const first = c.firstPosition ?? 0;
  const type = o.types ? gather(p.type, o.types) : slice(p.type, [0, 1]);
  let x = norm("layer", p.norm, add(add(embedding(p.token, tokens), slice(p.position, [first, first + T])), type), c.epsilon);
  x = dropout(o.dropout, x);
  // queries count as segment 1 wherever they stand: padding is never seen, and a padded query sees the real tokens
  const everywhere = constant(new Int32Array(B * T).fill(1), "i32", [B, T]);
  const masks = o.present ? { segments: everywhere, memory: undefined, memorySegments: o.present } : undefined;
  const drop = (y: Tensor) => dropout(o.dropout, y);
  const attend = (b: Block, y: Tensor, i: number) =>
    attention(c, b.attention, y, {
      sight: { causal: false },
      ...(masks ? { segments: masks.segments, memory: y, memorySegments: masks.memorySegments } : {}),
      ...(o.onAttention ? { onWeights: w => o.onAttention!(i, w) } : {}),
    }).output;
  return throughBlocks(c, p, x, attend, drop);
}

/** Where packed texts lie, and each token's position within its text [N] (i32). */
export interface PackedPositions extends PackedTexts {
  readonly positions: Tensor;
}

/** Hidden states [N, C] of the tokens [N] of several texts, without padding (`PackedTexts`). Equal to `encoderStates` of each. */
export function packedEncoderStates(c: EncoderConfig, p: Encoder, tokens: Tensor, texts: PackedPositions): Tensor {
  const type = slice(p.type, [0, 1]);
  const positions = c.firstPosition ? add(texts.positions, c.firstPosition) : texts.positions;
  const x = norm("layer", p.norm, add(add(embedding(p.token, tokens), gather(p.position, positions)), type), c.epsilon);
  return throughBlocks(c, p, x, (b, y) => packedAttention(c, b.attention, y, texts));
}

const noHead = (expected: string, received: string) => nnErrors.fail("config", { place: "encoder.head", expected, received });

/** Masked-language-model logits [N, V] of states [N, C] (gather the masked positions first: the table is wide). Errors: nn/config for a classifier. */
export function maskedLogits(c: EncoderConfig, p: Encoder, states: Tensor): Tensor {
  if (!p.head) throw noHead("a head for masked tokens", p.classifier ? "a classifier" : "an encoder without one");
  const h = norm("layer", p.head.norm, gelu(linear(p.head.transform, states)), c.epsilon);
  return add(matmul(h, p.token, { transposeB: true }), p.head.bias);
}

/** Logits [B, labels] of one state a text [B, C]. Errors: nn/config for what is no classifier. */
export function classLogits(p: Pick<Encoder, "classifier" | "head">, state: Tensor): Tensor {
  if (!p.classifier) throw noHead("a classifier", p.head ? "a head for masked tokens" : "an encoder without one");
  return linear(p.classifier.output, tanh(linear(p.classifier.transform, state)));
}

/** Mean of the real tokens' states, scaled to length 1: [B, T, C], present [B, T] -> [B, C]. */
export function meanPooled(states: Tensor, present?: Tensor): Tensor {
  const [b, t] = states.shape as [number, number, number];
  const weight = present ? cast(present, states.dtype) : constant(new Float32Array(b * t).fill(1), "f32", [b, t]);
  const total = sum(mul(states, reshape(weight, [b, t, 1])), 1);
  const average = div(total, maximum(sum(weight, 1, true), 1e-9));
  return div(average, maximum(sqrt(sum(mul(average, average), -1, true)), 1e-12));
}
