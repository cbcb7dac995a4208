/**
 * The encoder-decoder of "Attention is all you need" (Vaswani et al. 2017) in pre-norm form: the decoder attends to its past and, across, to
 * the encoder's states. With relative positions it is T5 (Raffel et al. 2020). Used for sequence to sequence tasks.
 */
import { add, checkShape, constant, gather, matmul, mul, reshape, slice, type Tensor, transpose } from "../tensor/index.ts";
import { type AttentionSpec, attention, attentionSpec } from "./attention.ts";
import { headSizeOf, type SmallConfig } from "./decoder.ts";
import {
  type Activation,
  type Dropout,
  dropout,
  embedding,
  type FeedForwardSpec,
  feedForward,
  feedForwardSpec,
  type NormKind,
  type NormSpec,
  norm,
  normSpec,
} from "./layers.ts";
import { type ParameterSpec, repeat, type TensorsOf, table, vocabularyTable } from "./parameters.ts";

export interface EncoderDecoderConfig {
  readonly vocab: number;
  readonly width: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly hidden: number;
  readonly context: number;
  readonly norm: NormKind;
  readonly epsilon: number;
  readonly activation: Activation;
  readonly bias: boolean;
  /** A number for each head and distance is added to scores, in place of tables of positions (T5). */
  readonly relative?: RelativePositions;
  /** Scores are multiplied by it; 1 / sqrt(headSize) when absent. */
  readonly scoreScale?: number;
  /** States are multiplied by it before the output table (T5: 1 / sqrt(width)). */
  readonly outputScale?: number;
  /** The output has a table of its own. */
  readonly untied?: boolean;
  readonly deviation: number;
}

/** Distances share numbers: near ones have their own, far ones grow by a factor, and from `farthest` on all are one. */
interface RelativePositions {
  readonly buckets: number;
  readonly farthest: number;
}

export const encoderDecoderConfig = ({ layers, ...c }: SmallConfig): EncoderDecoderConfig => ({
  ...c,
  encoderLayers: layers,
  decoderLayers: layers,
  kvHeads: c.heads,
  headSize: headSizeOf(c.width, c.heads),
  hidden: c.hidden ?? 4 * c.width,
  norm: "layer",
  epsilon: 1e-5,
  activation: "gelu",
  bias: true,
  deviation: 0.02,
});

interface SideSpec {
  readonly norm1: NormSpec;
  readonly attention: AttentionSpec;
  readonly norm2: NormSpec;
  readonly feedForward: FeedForwardSpec;
}
export interface EncoderDecoderSpec {
  readonly token: ParameterSpec;
  /** Positions [context, C]; or what distances add to scores [buckets, H]. */
  readonly sourcePosition: ParameterSpec;
  readonly targetPosition: ParameterSpec;
  readonly encoder: readonly SideSpec[];
  readonly encoderNorm: NormSpec;
  readonly decoder: readonly (SideSpec & { readonly normAcross: NormSpec; readonly across: AttentionSpec })[];
  readonly decoderNorm: NormSpec;
  readonly output?: ParameterSpec;
}
export type EncoderDecoder = TensorsOf<EncoderDecoderSpec>;

export function encoderDecoderSpec(c: EncoderDecoderConfig): EncoderDecoderSpec {
  const residual = c.deviation / Math.sqrt(2 * (c.encoderLayers + c.decoderLayers));
  // numbers of heads are parted as heads are
  const positions = c.relative
    ? table([c.relative.buckets, c.heads], c.deviation, { tensor: 1 })
    : table([c.context, c.width], c.deviation);
  const side = (): SideSpec => ({
    norm1: normSpec(c.width, c.bias),
    attention: attentionSpec(c, c.deviation, residual),
    norm2: normSpec(c.width, c.bias),
    feedForward: feedForwardSpec(c.width, c.hidden, c.activation, c.bias, c.deviation, residual),
  });
  return {
    token: vocabularyTable([c.vocab, c.width], c.deviation),
    sourcePosition: positions,
    targetPosition: positions,
    encoder: repeat(c.encoderLayers, side),
    encoderNorm: normSpec(c.width, c.bias),
    decoder: repeat(c.decoderLayers, () => ({
      ...side(),
      normAcross: normSpec(c.width, c.bias),
      across: attentionSpec(c, c.deviation, residual),
    })),
    decoderNorm: normSpec(c.width, c.bias),
    ...(c.untied ? { output: vocabularyTable([c.vocab, c.width], c.deviation) } : {}),
  };
}

export interface EncoderDecoderOptions {
  /** 1 where a source token is real, 0 where it pads [B, S] (i32). */
  readonly sourcePresent?: Tensor;
  readonly dropout?: Dropout;
}

/** Which number a key's distance from a query has: half of them for keys ahead, where a query sees those. */
export function bucketOf({ buckets, farthest }: RelativePositions, distance: number, isCausal: boolean): number {
  const own = isCausal ? buckets : buckets / 2;
  const ahead = !isCausal && distance > 0 ? own : 0;
  const far = isCausal ? Math.max(0, -distance) : Math.abs(distance);
  const near = Math.floor(own / 2);
  if (far < near) return ahead + far;
  const grown = near + Math.floor((Math.log(far / near) / Math.log(farthest / near)) * (own - near));
  return ahead + Math.min(grown, own - 1);
}

/** What distances add to the scores of `length` positions [1, H, T, T]. */
function relativeBias(r: RelativePositions, biases: Tensor, length: number, isCausal: boolean): Tensor {
  const at = Int32Array.from({ length: length * length }, (_, n) => bucketOf(r, (n % length) - Math.floor(n / length), isCausal));
  const found = gather(biases, constant(at, "i32", [length * length])); // [T * T, H]
  return reshape(transpose(found), [1, biases.shape[1]!, length, length]);
}

/** Embeddings with their positions, or with what these add to scores. */
function start(c: EncoderDecoderConfig, p: EncoderDecoder, tokens: Tensor, positions: Tensor, isCausal: boolean) {
  const x = embedding(p.token, tokens);
  const length = tokens.shape[1]!;
  if (c.relative) return { x, scores: { scoreBias: relativeBias(c.relative, positions, length, isCausal) } };
  return { x: add(x, slice(positions, [0, length])), scores: {} };
}

const everywhere = (b: number, t: number): Tensor => constant(new Int32Array(b * t).fill(1), "i32", [b, t]);

/** States of the source: [B, S] -> [B, S, C]. */
export function encodeSource(c: EncoderDecoderConfig, p: EncoderDecoder, source: Tensor, o: EncoderDecoderOptions = {}): Tensor {
  const { B, S } = checkShape("encoder.source", source, "B S") as { B: number; S: number };
  const { x: embedded, scores } = start(c, p, source, p.sourcePosition, false);
  let x = dropout(o.dropout, embedded);
  for (const b of p.encoder) {
    const h = norm(c.norm, b.norm1, x, c.epsilon);
    const seen = o.sourcePresent ? { segments: everywhere(B, S), memory: h, memorySegments: o.sourcePresent } : {};
    x = add(x, dropout(o.dropout, attention(c, b.attention, h, { sight: { causal: false }, ...scores, ...seen }).output));
    x = add(x, dropout(o.dropout, feedForward(c.activation, b.feedForward, norm(c.norm, b.norm2, x, c.epsilon))));
  }
  return norm(c.norm, p.encoderNorm, x, c.epsilon);
}

/** Logits [B, T, V] of a target's prefix [B, T] given the source's states [B, S, C]. */
export function targetLogits(
  c: EncoderDecoderConfig,
  p: EncoderDecoder,
  memory: Tensor,
  target: Tensor,
  o: EncoderDecoderOptions = {},
): Tensor {
  const { B, T } = checkShape("decoder.target", target, "B T") as { B: number; T: number };
  const across = o.sourcePresent ? { segments: everywhere(B, T), memorySegments: o.sourcePresent } : {};
  const { x: embedded, scores } = start(c, p, target, p.targetPosition, true);
  let x = dropout(o.dropout, embedded);
  for (const b of p.decoder) {
    x = add(
      x,
      dropout(o.dropout, attention(c, b.attention, norm(c.norm, b.norm1, x, c.epsilon), { sight: { causal: true }, ...scores }).output),
    );
    x = add(
      x,
      dropout(
        o.dropout,
        attention(c, b.across, norm(c.norm, b.normAcross, x, c.epsilon), { sight: { causal: false }, memory, ...across }).output,
      ),
    );
    x = add(x, dropout(o.dropout, feedForward(c.activation, b.feedForward, norm(c.norm, b.norm2, x, c.epsilon))));
  }
  const states = norm(c.norm, p.decoderNorm, x, c.epsilon);
  return matmul(c.outputScale === undefined ? states : mul(states, c.outputScale), p.output ?? p.token, { transposeB: true });
}
