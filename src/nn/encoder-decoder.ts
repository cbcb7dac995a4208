/**
 * The encoder-decoder of "Attention is all you need" (Vaswani et al. 2017) in pre-norm form: the decoder attends to its past and, across, to
 * the encoder's states. Used for sequence to sequence tasks.
 */
import { add, checkShape, constant, matmul, slice, type Tensor } from "../tensor/index.ts";
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
import { type ParameterSpec, repeat, type TensorsOf, table } from "./parameters.ts";

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
  readonly deviation: number;
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
  readonly sourcePosition: ParameterSpec;
  readonly targetPosition: ParameterSpec;
  readonly encoder: readonly SideSpec[];
  readonly encoderNorm: NormSpec;
  readonly decoder: readonly (SideSpec & { readonly normAcross: NormSpec; readonly across: AttentionSpec })[];
  readonly decoderNorm: NormSpec;
}
export type EncoderDecoder = TensorsOf<EncoderDecoderSpec>;

export function encoderDecoderSpec(c: EncoderDecoderConfig): EncoderDecoderSpec {
  const residual = c.deviation / Math.sqrt(2 * (c.encoderLayers + c.decoderLayers));
  const side = (): SideSpec => ({
    norm1: normSpec(c.width, c.bias),
    attention: attentionSpec(c, c.deviation, residual),
    norm2: normSpec(c.width, c.bias),
    feedForward: feedForwardSpec(c.width, c.hidden, c.activation, c.bias, c.deviation, residual),
  });
  return {
    token: table([c.vocab, c.width], c.deviation),
    sourcePosition: table([c.context, c.width], c.deviation),
    targetPosition: table([c.context, c.width], c.deviation),
    encoder: repeat(c.encoderLayers, side),
    encoderNorm: normSpec(c.width, c.bias),
    decoder: repeat(c.decoderLayers, () => ({
      ...side(),
      normAcross: normSpec(c.width, c.bias),
      across: attentionSpec(c, c.deviation, residual),
    })),
    decoderNorm: normSpec(c.width, c.bias),
  };
}

export interface EncoderDecoderOptions {
  /** 1 where a source token is real, 0 where it pads [B, S] (i32). */
  readonly sourcePresent?: Tensor;
  readonly dropout?: Dropout;
}

const everywhere = (b: number, t: number): Tensor => constant(new Int32Array(b * t).fill(1), "i32", [b, t]);

/** States of the source: [B, S] -> [B, S, C]. */
export function encodeSource(c: EncoderDecoderConfig, p: EncoderDecoder, source: Tensor, o: EncoderDecoderOptions = {}): Tensor {
  const { B, S } = checkShape("encoder.source", source, "B S") as { B: number; S: number };
  let x = dropout(o.dropout, add(embedding(p.token, source), slice(p.sourcePosition, [0, S])));
  for (const b of p.encoder) {
    const h = norm(c.norm, b.norm1, x, c.epsilon);
    const seen = o.sourcePresent ? { segments: everywhere(B, S), memory: h, memorySegments: o.sourcePresent } : {};
    x = add(x, dropout(o.dropout, attention(c, b.attention, h, { sight: { causal: false }, ...seen }).output));
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
  let x = dropout(o.dropout, add(embedding(p.token, target), slice(p.targetPosition, [0, T])));
  for (const b of p.decoder) {
    x = add(x, dropout(o.dropout, attention(c, b.attention, norm(c.norm, b.norm1, x, c.epsilon), { sight: { causal: true } }).output));
    x = add(
      x,
      dropout(
        o.dropout,
        attention(c, b.across, norm(c.norm, b.normAcross, x, c.epsilon), { sight: { causal: false }, memory, ...across }).output,
      ),
    );
    x = add(x, dropout(o.dropout, feedForward(c.activation, b.feedForward, norm(c.norm, b.norm2, x, c.epsilon))));
  }
  return matmul(norm(c.norm, p.decoderNorm, x, c.epsilon), p.token, { transposeB: true });
}
