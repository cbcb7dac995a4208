/**
 * The decoder-only transformer as one configuration: GPT-2's, Llama's, and what lies between (norm, positions, activation, ties are
 * choices). The forward function knows nothing of training, serving, precision or devices; the cached step is the same function over a cache.
 */
import { defined } from "../base/index.ts";
import {
  add,
  and,
  checkpoint,
  checkShape,
  concat,
  constant,
  gather,
  less,
  lessEqual,
  mul,
  reshape,
  select,
  slice,
  sub,
  type Tensor,
} from "../tensor/index.ts";
import {
  type Attention,
  type AttentionOptions,
  type AttentionSpec,
  attention,
  attentionSpec,
  type CacheView,
  type LayerCache,
} from "./attention.ts";
import type { CachePage } from "./cache-pages.ts";
import { checkDecoder, type DecoderConfig, hasWindow } from "./decoder-config.ts";
import { nnErrors } from "./errors.ts";
import {
  type Dropout,
  dropout,
  embedding,
  type FeedForward,
  type FeedForwardSpec,
  feedForward,
  feedForwardSpec,
  type LinearSpec,
  linearSpec,
  type Norm,
  type NormSpec,
  norm,
  normSpec,
  squashed,
} from "./layers.ts";
import type { Branches } from "./masks.ts";
import { type ParameterSpec, repeat, type TensorsOf, table, vocabularyTable } from "./parameters.ts";
import { rotaryAt, rotaryTables } from "./rotary.ts";
import { tableProduct } from "./weight.ts";

export {
  checkDecoder,
  type DecoderConfig,
  gpt2Config,
  hasWindow,
  headSizeOf,
  llamaConfig,
  type SmallConfig,
} from "./decoder-config.ts";

export interface BlockSpec {
  readonly norm1: NormSpec;
  readonly attention: AttentionSpec;
  readonly postNorm1?: NormSpec;
  readonly norm2: NormSpec;
  readonly feedForward: FeedForwardSpec;
  readonly postNorm2?: NormSpec;
}
export interface DecoderBlock {
  readonly norm1: Norm;
  readonly attention: Attention;
  readonly postNorm1?: Norm;
  readonly norm2: Norm;
  readonly feedForward: FeedForward;
  readonly postNorm2?: Norm;
}
export interface DecoderSpec {
  readonly token: ParameterSpec;
  readonly position?: ParameterSpec;
  readonly blocks: readonly BlockSpec[];
  readonly norm: NormSpec;
  readonly output?: ParameterSpec;
  /** A classifier's head over a text's state. */
  readonly classifier?: { readonly output: LinearSpec };
}
export type Decoder = TensorsOf<DecoderSpec>;

/** Parameters of a decoder; the tree is the checkpoint's layout. */
export function decoderSpec(c: DecoderConfig): DecoderSpec {
  checkDecoder(c);
  const residual = c.deviation / Math.sqrt(2 * c.layers);
  const normBias = c.norm === "layer" && c.bias;
  return {
    token: vocabularyTable([c.vocab, c.width], c.deviation),
    ...(c.positions === "learned" ? { position: table([c.context, c.width], c.deviation) } : {}),
    blocks: repeat(c.layers, () => ({
      norm1: normSpec(c.width, normBias),
      attention: attentionSpec({ ...c, bias: c.bias || c.qkvBias === true, outputBias: c.bias }, c.deviation, residual),
      norm2: normSpec(c.width, normBias),
      feedForward: feedForwardSpec(c.width, c.hidden, c.activation, c.bias, c.deviation, residual),
      ...(c.postNorm ? { postNorm1: normSpec(c.width, normBias), postNorm2: normSpec(c.width, normBias) } : {}),
    })),
    norm: normSpec(c.width, normBias),
    ...(c.tied || c.classifier ? {} : { output: vocabularyTable([c.vocab, c.width], c.deviation) }),
    ...(c.classifier ? { classifier: { output: linearSpec(c.width, c.classifier.labels.length, c.deviation, true) } } : {}),
  };
}

export interface DecoderOptions {
  /** Position of each token in its document [B, T]; 0..T-1 when absent. */
  readonly positions?: Tensor;
  /** Document numbers [B, T] of packed sequences. */
  readonly segments?: Tensor;
  /** Texts that share their beginnings; `positions` must be given too. Not for layers with a window, which counts places in the row. */
  readonly branches?: Branches;
  readonly dropout?: Dropout;
  /** Recompute each block in the backward pass. */
  readonly rematerialise?: boolean;
  /** Queries a block of causal attention, where no operator computes it; see `attention`. */
  readonly attentionBlock?: number;
  readonly onAttention?: (layer: number, weights: Tensor) => void;
  /** Is given the states after each block. */
  readonly onBlock?: (layer: number, states: Tensor) => void;
}

type Setting = Pick<AttentionOptions, "sight" | "rotary">;

/** Sight and angles of a layer's queries: tables are made once for the layers with the window and once for the others. */
function settings(c: DecoderConfig, length: number, positions: Tensor | undefined): (layer: number) => Setting {
  const made = new Map<boolean, Setting>();
  const make = (windowed: boolean): Setting => {
    const sight = { causal: true, ...(windowed ? { window: c.window! } : {}) };
    if (c.positions !== "rotary") return { sight };
    const angles =
      windowed && c.windowRotaryBase !== undefined
        ? { base: c.windowRotaryBase }
        : { base: c.rotaryBase, factors: c.rotaryFactors, scale: c.rotaryScale };
    return { sight, rotary: rotaryAt(rotaryTables(c.context, c.headSize, angles), length, positions) };
  };
  return layer => {
    const windowed = hasWindow(c, layer);
    const setting = made.get(windowed) ?? make(windowed);
    made.set(windowed, setting);
    return setting;
  };
}

/** What goes into the first block for embeddings of tokens. */
export const scaledEmbedding = (c: DecoderConfig, x: Tensor): Tensor => (c.embeddingScale === undefined ? x : mul(x, c.embeddingScale));

const embed = (c: DecoderConfig, p: Decoder, tokens: Tensor, positions: Tensor | undefined): Tensor => {
  const length = tokens.shape[1]!;
  if (length > c.context)
    throw nnErrors.fail("config", { place: "decoder.tokens", expected: `at most context ${c.context} tokens`, received: `${length}` });
  const x = scaledEmbedding(c, embedding(p.token, tokens));
  if (!p.position) return x;
  return add(x, positions ? gather(p.position, positions) : slice(p.position, [0, length]));
};

/** Logits [..., V] of states [..., C]: the last norm and the output table. Errors: nn/config for a model that tells classes. */
export const unembed = (c: DecoderConfig, p: Pick<Decoder, "norm" | "output" | "token">, x: Tensor): Tensor => {
  if (c.classifier)
    throw nnErrors.fail("config", {
      place: "decoder",
      expected: "a decoder that continues texts",
      received: `a classifier (${c.classifier.labels.slice(0, 5).join(", ")})`,
    });
  const logits = tableProduct(norm(c.norm, p.norm, x, c.epsilon), p.output ?? p.token);
  return c.logitCap === undefined ? logits : squashed(logits, c.logitCap);
};

/** A block over states [B, T, C], and its cache with what is new where one is given. */
function blockOf(
  c: DecoderConfig,
  b: DecoderBlock,
  h: Tensor,
  o: AttentionOptions,
  drop?: Dropout,
): { output: Tensor; layer?: LayerCache } {
  const added = (to: Tensor, x: Tensor, post: Norm | undefined) => add(to, dropout(drop, post ? norm(c.norm, post, x, c.epsilon) : x));
  const { output, ...rest } = attention(c, b.attention, norm(c.norm, b.norm1, h, c.epsilon), o);
  const y = added(h, output, b.postNorm1);
  const fed = feedForward(c.activation, b.feedForward, norm(c.norm, b.norm2, y, c.epsilon));
  return { output: added(y, fed, b.postNorm2), ...rest };
}

/** How a block looks at its sequence: the options of the whole model without those that only make its states. */
type BlockOptions = Omit<DecoderOptions, "rematerialise" | "onAttention" | "onBlock"> & {
  readonly onAttention?: (weights: Tensor) => void;
};

const attentionOptions = (setting: Setting, o: BlockOptions): AttentionOptions => ({
  ...setting,
  ...defined({ segments: o.segments, branches: o.branches }),
  ...(o.attentionBlock ? { block: o.attentionBlock } : {}),
  ...defined({ onWeights: o.onAttention }),
});

/** The block of layer `layer` by itself: states [B, T, C] -> [B, T, C]. What `decoderStates` does with each block in turn. */
export const decoderBlock = (c: DecoderConfig, layer: number, b: DecoderBlock, h: Tensor, o: BlockOptions = {}): Tensor =>
  blockOf(c, b, h, attentionOptions(settings(c, h.shape[1]!, o.positions)(layer), o), o.dropout).output;

/** Hidden states before the last norm: tokens [B, T] (i32) -> [B, T, C]. */
export function decoderStates(c: DecoderConfig, p: Decoder, tokens: Tensor, o: DecoderOptions = {}): Tensor {
  checkShape("decoder.tokens", tokens, "B T");
  const settingOf = settings(c, tokens.shape[1]!, o.positions);
  let x = dropout(o.dropout, embed(c, p, tokens, o.positions));
  for (const [i, b] of p.blocks.entries()) {
    const { onAttention, onBlock: _, ...rest } = o;
    const options = attentionOptions(settingOf(i), { ...rest, ...(onAttention ? { onAttention: (w: Tensor) => onAttention(i, w) } : {}) });
    const block = (h: Tensor): Tensor => blockOf(c, b, h, options, o.dropout).output;
    x = o.rematerialise ? checkpoint(block)(x) : block(x);
    o.onBlock?.(i, x);
  }
  return x;
}

/** Logits [B, T, V] of tokens [B, T]. */
export const decoderLogits = (c: DecoderConfig, p: Decoder, tokens: Tensor, o: DecoderOptions = {}): Tensor =>
  unembed(c, p, decoderStates(c, p, tokens, o));

export interface DecoderCache {
  readonly layers: readonly LayerCache[];
}

export interface StepInput {
  /** New tokens [B, W] (i32). */
  readonly tokens: Tensor;
  /** Their positions [B, W] (i32); a token at a position writes there. */
  readonly positions: Tensor;
  /** Slot of each row [B] (i32); when absent row b is slot b. */
  readonly slots?: Tensor;
  /** Which of a row's tokens gives logits [B] (i32); the last when absent. */
  readonly last?: Tensor;
  /** Every token gives logits [B * W, V] instead. */
  readonly every?: boolean;
}

/** Rows of a flat page for tokens [B, K, W] at positions [B, W] of slots [B]: those of its positions, the spill for all others. */
function rowsIn(page: CachePage, heads: number, slots: Tensor, positions: Tensor): Tensor {
  const [batch, width] = positions.shape as [number, number];
  const head = constant(
    Int32Array.from({ length: heads }, (_, i) => i),
    "i32",
    [1, heads, 1],
  );
  const place = (): Tensor => {
    if (page.rows === page.positions) return positions;
    const local = sub(positions, page.first);
    return select(and(lessEqual(0, local), less(local, page.positions)), local, page.positions);
  };
  return add(mul(add(mul(reshape(slots, [batch, 1, 1]), heads), head), page.rows), reshape(place(), [batch, 1, width]));
}

/**
 * One cached step: writes the new tokens' keys and values at their positions and gives the logits [B, V] after one token a row. `pages` are
 * those of the cache that is given: the first ones of a slot's, which hold every position that counts. Rows are independent: a row's result
 * does not depend on the others.
 */
export function decoderStep(
  c: DecoderConfig,
  p: Decoder,
  cache: DecoderCache,
  input: StepInput,
  pages: readonly CachePage[],
): { logits: Tensor; cache: DecoderCache } {
  const [batch, width] = input.tokens.shape as [number, number];
  const slots =
    input.slots ??
    constant(
      Int32Array.from({ length: batch }, (_, i) => i),
      "i32",
      [batch],
    );
  const view: CacheView = {
    pages,
    rows: pages.map(page => rowsIn(page, c.kvHeads, slots, input.positions)),
    positions: input.positions,
    ...(input.slots ? { pick: (all: Tensor) => gather(all, slots) } : {}),
  };
  const settingOf = settings(c, width, input.positions);
  let x = embed(c, p, input.tokens, input.positions);
  const layers: LayerCache[] = [];
  for (const [i, b] of p.blocks.entries()) {
    const { output, layer } = blockOf(c, b, x, { ...settingOf(i), cache: { layer: cache.layers[i]!, view } });
    layers.push(layer!);
    x = output;
  }
  const states = input.every ? reshape(x, [batch * width, c.width]) : lastOf(x, input.last);
  // a product of a single row sums in another order; the row beside it keeps a token's bits the same in every program
  const logits = states.shape[0]! > 1 ? unembed(c, p, states) : slice(unembed(c, p, concat([states, states], 0)), [0, 1]);
  return { logits, cache: { layers } };
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
