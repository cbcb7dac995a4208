/**
 * The decoder-only transformer as one configuration: GPT-2's, Llama's, and what lies between (norm, positions, activation, ties are
 * choices). The forward function knows nothing of training, serving, precision or devices; the cached step is the same function over a cache.
 */
import { add, checkpoint, checkShape, constant, gather, matmul, mul, reshape, sizeOf, slice, type Tensor, tanh } from "../tensor/index.ts";
import { type Attention, type AttentionSpec, attention, attentionSpec, type CacheView, type LayerCache } from "./attention.ts";
import { nnErrors } from "./errors.ts";
import {
  type Activation,
  type Dropout,
  dropout,
  embedding,
  type FeedForward,
  type FeedForwardSpec,
  feedForward,
  feedForwardSpec,
  type Norm,
  type NormKind,
  type NormSpec,
  norm,
  normSpec,
} from "./layers.ts";
import { type ParameterSpec, repeat, type TensorsOf, table } from "./parameters.ts";
import { rotaryAt, rotaryTables } from "./rotary.ts";

export interface DecoderConfig {
  readonly vocab: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Feed-forward width. */
  readonly hidden: number;
  /** Longest sequence. */
  readonly context: number;
  readonly norm: NormKind;
  readonly epsilon: number;
  readonly positions: "learned" | "rotary";
  readonly rotaryBase: number;
  readonly activation: Activation;
  readonly bias: boolean;
  /** The output table is the embedding table. */
  readonly tied: boolean;
  readonly qkNorm: boolean;
  /** Each position sees this many positions back, itself included. */
  readonly window?: number;
  /** Logits are squashed to (-cap, cap) by a tanh (Gemma 2). */
  readonly logitCap?: number;
  /** Deviation of the start values; residual projections start at it / sqrt(2 layers) (GPT-2). */
  readonly deviation: number;
}

export interface BlockSpec {
  readonly norm1: NormSpec;
  readonly attention: AttentionSpec;
  readonly norm2: NormSpec;
  readonly feedForward: FeedForwardSpec;
}
export interface Block {
  readonly norm1: Norm;
  readonly attention: Attention;
  readonly norm2: Norm;
  readonly feedForward: FeedForward;
}
export interface DecoderSpec {
  readonly token: ParameterSpec;
  readonly position?: ParameterSpec;
  readonly blocks: readonly BlockSpec[];
  readonly norm: NormSpec;
  readonly output?: ParameterSpec;
}
export type Decoder = TensorsOf<DecoderSpec>;

/** Checks that the numbers fit together; errors name the key. */
export function checkDecoder(c: DecoderConfig, place = "model"): void {
  const wrong = (key: string, expected: string, received: number, hint?: string) =>
    nnErrors.fail("config", { place: `${place}.${key}`, expected, received: `${received}`, ...(hint ? { hint } : {}) });
  for (const key of ["vocab", "width", "layers", "heads", "kvHeads", "headSize", "hidden", "context"] as const)
    if (!Number.isSafeInteger(c[key]) || c[key] < 1) throw wrong(key, "a whole number from 1", c[key]);
  if (c.heads % c.kvHeads) throw wrong("kvHeads", `a divisor of heads ${c.heads}`, c.kvHeads);
  if (c.positions === "rotary" && c.headSize % 2) throw wrong("headSize", "an even number for rotary positions", c.headSize);
}

/** The usual head size of a width; errors name divisors that would do. */
export function headSizeOf(width: number, heads: number, place = "model"): number {
  if (width % heads) {
    const near = Array.from({ length: width }, (_, i) => i + 1)
      .filter(h => width % h === 0)
      .sort((a, b) => Math.abs(a - heads) - Math.abs(b - heads));
    throw nnErrors.fail("config", {
      place: `${place}.heads`,
      expected: `a divisor of width ${width}`,
      received: `${heads}`,
      hint: `Try ${near[0]} or ${near[1]}.`,
    });
  }
  return width / heads;
}

export interface SmallConfig {
  readonly vocab: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly context: number;
  readonly kvHeads?: number;
  readonly hidden?: number;
}
/** GPT-2 (Radford et al. 2019): layer norm, learned positions, GELU, biases, tied. */
export const gpt2Config = (c: SmallConfig): DecoderConfig => ({
  ...c,
  kvHeads: c.kvHeads ?? c.heads,
  headSize: headSizeOf(c.width, c.heads),
  hidden: c.hidden ?? 4 * c.width,
  norm: "layer",
  epsilon: 1e-5,
  positions: "learned",
  rotaryBase: 10_000,
  activation: "geluTanh",
  bias: true,
  tied: true,
  qkNorm: false,
  deviation: 0.02,
});
/** Llama (Touvron et al. 2023): RMS norm, rotary positions, SwiGLU, no biases, untied. */
export const llamaConfig = (c: SmallConfig): DecoderConfig => ({
  ...gpt2Config(c),
  hidden: c.hidden ?? 64 * Math.ceil((8 * c.width) / 3 / 64),
  norm: "rms",
  epsilon: 1e-5,
  positions: "rotary",
  activation: "swiglu",
  bias: false,
  tied: false,
});

/** Parameters of a decoder; the tree is the checkpoint's layout. */
export function decoderSpec(c: DecoderConfig): DecoderSpec {
  checkDecoder(c);
  const residual = c.deviation / Math.sqrt(2 * c.layers);
  const normBias = c.norm === "layer" && c.bias;
  return {
    token: table([c.vocab, c.width], c.deviation),
    ...(c.positions === "learned" ? { position: table([c.context, c.width], c.deviation) } : {}),
    blocks: repeat(c.layers, () => ({
      norm1: normSpec(c.width, normBias),
      attention: attentionSpec(c, c.deviation, residual),
      norm2: normSpec(c.width, normBias),
      feedForward: feedForwardSpec(c.width, c.hidden, c.activation, c.bias, c.deviation, residual),
    })),
    norm: normSpec(c.width, normBias),
    ...(c.tied ? {} : { output: table([c.vocab, c.width], c.deviation) }),
  };
}

export interface DecoderOptions {
  /** Position of each token in its document [B, T]; 0..T-1 when absent. */
  readonly positions?: Tensor;
  /** Document numbers [B, T] of packed sequences. */
  readonly segments?: Tensor;
  readonly dropout?: Dropout;
  /** Recompute each block in the backward pass. */
  readonly rematerialise?: boolean;
  /** Queries a block of causal attention; see `attention`. */
  readonly attentionBlock?: number;
  readonly onAttention?: (layer: number, weights: Tensor) => void;
}

/** What both ways through the model share: position information of each token, and the sight of a query. */
function setting(c: DecoderConfig, length: number, positions: Tensor | undefined) {
  return {
    sight: { causal: true, ...(c.window === undefined ? {} : { window: c.window }) },
    ...(c.positions === "rotary" ? { rotary: rotaryAt(rotaryTables(c.context, c.headSize, c.rotaryBase), length, positions) } : {}),
  };
}

const embed = (c: DecoderConfig, p: Decoder, tokens: Tensor, positions: Tensor | undefined): Tensor => {
  const length = tokens.shape[1]!;
  if (length > c.context)
    throw nnErrors.fail("config", { place: "decoder.tokens", expected: `at most context ${c.context} tokens`, received: `${length}` });
  const x = embedding(p.token, tokens);
  if (!p.position) return x;
  return add(x, positions ? gather(p.position, positions) : slice(p.position, [0, length]));
};

const unembed = (c: DecoderConfig, p: Decoder, x: Tensor): Tensor => {
  const logits = matmul(norm(c.norm, p.norm, x, c.epsilon), p.output ?? p.token, { transposeB: true });
  return c.logitCap === undefined ? logits : mul(tanh(mul(logits, 1 / c.logitCap)), c.logitCap);
};

/** Hidden states before the last norm: tokens [B, T] (i32) -> [B, T, C]. */
export function decoderStates(c: DecoderConfig, p: Decoder, tokens: Tensor, o: DecoderOptions = {}): Tensor {
  checkShape("decoder.tokens", tokens, "B T");
  const shared = setting(c, tokens.shape[1]!, o.positions);
  let x = dropout(o.dropout, embed(c, p, tokens, o.positions));
  for (const [i, b] of p.blocks.entries()) {
    const block = (h: Tensor): Tensor => {
      const attended = attention(c, b.attention, norm(c.norm, b.norm1, h, c.epsilon), {
        ...shared,
        ...(o.segments ? { segments: o.segments } : {}),
        ...(o.attentionBlock ? { block: o.attentionBlock } : {}),
        ...(o.onAttention ? { onWeights: w => o.onAttention!(i, w) } : {}),
      }).output;
      const y = add(h, dropout(o.dropout, attended));
      return add(y, dropout(o.dropout, feedForward(c.activation, b.feedForward, norm(c.norm, b.norm2, y, c.epsilon))));
    };
    x = o.rematerialise ? checkpoint(block)(x) : block(x);
  }
  return x;
}

/** Logits [B, T, V] of tokens [B, T]. */
export const decoderLogits = (c: DecoderConfig, p: Decoder, tokens: Tensor, o: DecoderOptions = {}): Tensor =>
  unembed(c, p, decoderStates(c, p, tokens, o));

export interface DecoderCache {
  readonly layers: readonly LayerCache[];
}

/** Shape of one of a layer's two flat caches. */
export const cacheShape = (c: DecoderConfig, slots: number, length: number): readonly [number, number] => [
  slots * c.kvHeads * length,
  c.headSize,
];
export const cacheBytes = (c: DecoderConfig, slots: number, length: number): number =>
  2 * 4 * c.layers * sizeOf(cacheShape(c, slots, length));

export interface StepInput {
  /** New tokens [B, W] (i32). */
  readonly tokens: Tensor;
  /** Their positions [B, W] (i32); a token at a position writes there. */
  readonly positions: Tensor;
  /** Slot of each row [B] (i32); when absent row b is slot b. */
  readonly slots?: Tensor;
  /** Which of a row's tokens gives logits [B] (i32); the last when absent. */
  readonly last?: Tensor;
}

/**
 * One cached step: writes the new tokens' keys and values at their positions and gives the logits [B, V] after one token a row. `length` is
 * the cache's room a slot. Rows are independent: a row's result does not depend on the others.
 */
export function decoderStep(
  c: DecoderConfig,
  p: Decoder,
  cache: DecoderCache,
  input: StepInput,
  length: number,
): { logits: Tensor; cache: DecoderCache } {
  const [batch, width] = input.tokens.shape as [number, number];
  const heads = c.kvHeads;
  const slots =
    input.slots ??
    constant(
      Int32Array.from({ length: batch }, (_, i) => i),
      "i32",
      [batch],
    );
  // row of (slot, head, position) in the flat cache: (slot * K + head) * M + position
  const head = constant(
    Int32Array.from({ length: heads }, (_, i) => i),
    "i32",
    [1, heads, 1],
  );
  const rows = add(mul(add(mul(reshape(slots, [batch, 1, 1]), heads), head), length), reshape(input.positions, [batch, 1, width]));
  const view: CacheView = {
    rows,
    positions: input.positions,
    length,
    ...(input.slots ? { pick: (all: Tensor) => gather(all, slots) } : {}),
  };
  const shared = setting(c, width, input.positions);
  let x = embed(c, p, input.tokens, input.positions);
  const layers: LayerCache[] = [];
  for (const [i, b] of p.blocks.entries()) {
    const attended = attention(c, b.attention, norm(c.norm, b.norm1, x, c.epsilon), {
      ...shared,
      cache: { layer: cache.layers[i]!, view },
    });
    layers.push(attended.layer!);
    x = add(x, attended.output);
    x = add(x, feedForward(c.activation, b.feedForward, norm(c.norm, b.norm2, x, c.epsilon)));
  }
  return { logits: unembed(c, p, lastOf(x, input.last)), cache: { layers } };
}

/** One state a row: x [B, W, C], index [B] -> [B, C]. */
function lastOf(x: Tensor, index: Tensor | undefined): Tensor {
  const [batch, width, c] = x.shape as [number, number, number];
  if (width === 1) return reshape(x, [batch, c]);
  if (!index) return reshape(slice(x, undefined, [width - 1, width]), [batch, c]);
  const base = constant(
    Int32Array.from({ length: batch }, (_, i) => i * width),
    "i32",
    [batch],
  );
  return gather(reshape(x, [batch * width, c]), add(base, index));
}
