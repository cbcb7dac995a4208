/**
 * Multi-head attention (Vaswani et al. 2017): self, cross, grouped-query (Ainslie et al. 2023), causal or not, sliding window, packed
 * documents, cached. Shapes: B batch, T time, C width, H heads, K key-value heads, G = H / K, D head size, M cache length.
 */
import { defined } from "../base/index.ts";
import {
  type AttentionSegments,
  add,
  additive,
  checkShape,
  concat,
  constant,
  div,
  equal,
  flashAttention,
  gather,
  keyRange,
  matmul,
  mul,
  reshape,
  type Sight,
  sameSegment,
  scaledDotProductAttention,
  scatterRows,
  sightMask,
  slice,
  softmax,
  type Tensor,
  transpose,
} from "../tensor/index.ts";
import { type CachePage, rowPositions } from "./cache-pages.ts";
import { nnErrors } from "./errors.ts";
import {
  type Adapted,
  adaptedParts,
  type Linear,
  type LinearSpec,
  linear,
  linearSpec,
  type Norm,
  type NormSpec,
  norm,
  normSpec,
  squashed,
} from "./layers.ts";
import { type Branches, cachedSight } from "./masks.ts";
import { type RotaryTables, rotate } from "./rotary.ts";

export interface AttentionConfig {
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly bias: boolean;
  /** The output projection's bias, where it differs from the others'. */
  readonly outputBias?: boolean;
  /** Queries and keys are normalised per head (Henry et al. 2020), which keeps logits bounded. */
  readonly qkNorm?: boolean;
  /** Of that norm; 1e-5 when absent. */
  readonly epsilon?: number;
  /** Scores of queries and keys are multiplied by it; 1 / sqrt(headSize) when absent. */
  readonly scoreScale?: number;
  /** Scores are squashed to (-cap, cap) by a tanh. */
  readonly scoreCap?: number;
}
type Scoring = Pick<AttentionConfig, "scoreScale" | "scoreCap"> & {
  /** The scores are written out, for the mask has a gradient. */
  readonly isWritten?: boolean;
};

export interface AttentionSpec {
  readonly query: LinearSpec;
  readonly key: LinearSpec;
  readonly value: LinearSpec;
  readonly output: LinearSpec;
  readonly queryNorm?: NormSpec;
  readonly keyNorm?: NormSpec;
}
export interface Attention {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  readonly queryNorm?: Norm;
  readonly keyNorm?: Norm;
}

/** The same with the projections of the input as one product. */
interface JoinedAttention extends Omit<Attention, "query" | "key" | "value"> {
  /** Query, key and value side by side: weight [C, (H + 2 K) D]. */
  readonly joined: Linear;
  /** What changes their outputs. */
  readonly query?: Adapted;
  readonly key?: Adapted;
  readonly value?: Adapted;
}
const isJoined = (p: Attention | JoinedAttention): p is JoinedAttention => "joined" in p;

export function attentionSpec(c: AttentionConfig, deviation: number, residualDeviation: number, memoryWidth = c.width): AttentionSpec {
  if (c.heads % c.kvHeads)
    throw nnErrors.fail("config", { place: "attention.kvHeads", expected: `a divisor of heads ${c.heads}`, received: `${c.kvHeads}` });
  return {
    query: linearSpec(c.width, c.heads * c.headSize, deviation, c.bias, "columns"),
    key: linearSpec(memoryWidth, c.kvHeads * c.headSize, deviation, c.bias, "columns"),
    value: linearSpec(memoryWidth, c.kvHeads * c.headSize, deviation, c.bias, "columns"),
    output: linearSpec(c.heads * c.headSize, c.width, residualDeviation, c.outputBias ?? c.bias, "rows"),
    ...(c.qkNorm ? { queryNorm: normSpec(c.headSize, false), keyNorm: normSpec(c.headSize, false) } : {}),
  };
}

/** One layer's keys and values of all slots, a page each: flat rows [slots * K * page's rows, D], so that new rows are written in place. */
export interface LayerCache {
  readonly pages: readonly { readonly keys: Tensor; readonly values: Tensor }[];
}

/** Where a cached step writes and looks. */
export interface CacheView {
  /** The pages that it looks at. */
  readonly pages: readonly CachePage[];
  /** Rows of each flat page for the new tokens [B, K, W]: (slot * K + head) * page's rows + place in it. */
  readonly rows: readonly Tensor[];
  /** Positions of the new tokens [B, W]. */
  readonly positions: Tensor;
  /** Picks the slots of this batch out of [slots * K, M, D]; absent when the batch is all slots in order. */
  readonly pick?: (cache: Tensor) => Tensor;
}

export interface AttentionOptions {
  readonly sight: Sight;
  /** Turns queries and keys by their positions. */
  readonly rotary?: RotaryTables;
  /** Document numbers [B, T]: a position sees its own document only. */
  readonly segments?: Tensor;
  /** A position sees the texts above its own in their tree; causal self-attention without a window. */
  readonly branches?: Branches | undefined;
  /** What is attended to, for cross-attention: [B, Tm, Cm]; its own segments say which memory positions are real (>= 0). */
  readonly memory?: Tensor;
  readonly memorySegments?: Tensor;
  /** Added to the scores before the softmax [1, H, Tq, Tk]; queries that share no keys, and no cache. */
  readonly scoreBias?: Tensor;
  /** Queries a block, where no operator computes attention: causal layers skip what a block cannot see. Does not change values. */
  readonly block?: number;
  readonly cache?: { readonly layer: LayerCache; readonly view: CacheView };
  /** Called with the attention weights [B, H, Tq, Tk] (computed apart, on request). */
  readonly onWeights?: (weights: Tensor) => void;
}

/** [B, T, H * D] -> [B, H, T, D]. */
const splitHeads = (x: Tensor, heads: number): Tensor => {
  const [b, t, width] = x.shape as [number, number, number];
  return transpose(reshape(x, [b, t, heads, width / heads]), [0, 2, 1, 3]);
};
/** [B, H, T, D] -> [B, T, H * D]. */
const joinHeads = (x: Tensor): Tensor => {
  const [b, h, t, d] = x.shape as [number, number, number, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [b, t, h * d]);
};

/** Softmax of the scores [..., Tq, Tk], written out. */
function weightsOf(q: Tensor, k: Tensor, mask: Tensor | undefined, c: Scoring): Tensor {
  const raw = matmul(q, k, { transposeB: true, alpha: c.scoreScale ?? 1 / Math.sqrt(q.shape.at(-1)!) });
  const scores = c.scoreCap === undefined ? raw : squashed(raw, c.scoreCap);
  return softmax(mask ? add(scores, mask) : scores);
}
/** The same over keys and values that lie in pages, with the bits of one page after the other in one. */
function weightedPages(q: Tensor, keys: readonly Tensor[], values: readonly Tensor[], mask: Tensor, c: Scoring): Tensor {
  if (keys.length === 1) return weighted(q, keys[0]!, values[0]!, mask, c);
  const alpha = c.scoreScale ?? 1 / Math.sqrt(q.shape.at(-1)!);
  const raw = concat(
    keys.map(k => matmul(q, k, { transposeB: true, alpha })),
    q.shape.length - 1,
  );
  const weights = softmax(add(c.scoreCap === undefined ? raw : squashed(raw, c.scoreCap), mask));
  const before = q.shape.slice(1).map(() => undefined);
  let at = 0;
  const parts = values.map(v => {
    const from = at;
    at += v.shape.at(-2)!;
    return matmul(slice(weights, ...before, [from, at]), v);
  });
  return parts.reduce((sum, y) => add(sum, y));
}
/** Softmax of the scores times the values; the fused operation knows no cap and takes the mask for a constant. */
const weighted = (q: Tensor, k: Tensor, v: Tensor, mask: Tensor | undefined, c: Scoring): Tensor =>
  c.scoreCap === undefined && !c.isWritten ? scaledDotProductAttention(q, k, v, mask, c.scoreScale) : matmul(weightsOf(q, k, mask, c), v);

/** Scores, softmax and the weighted sum; queries of G heads share a key-value head. q [B, H, Tq, D], k and v [B, K, Tk, D]. */
function attend(c: Scoring, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | undefined, onWeights: AttentionOptions["onWeights"]): Tensor {
  const [b, h, t] = q.shape as [number, number, number, number];
  const kv = k.shape[1]!;
  const grouped = kv !== h;
  const group = (x: Tensor, n: number) => (grouped ? reshape(x, [b, kv, n, x.shape[2]!, x.shape[3]!]) : x);
  const [gq, gk, gv] = [group(q, h / kv), group(k, 1), group(v, 1)];
  // a mask [B, 1, Tq, Tk] gets the group's axis
  const gm = mask && grouped && mask.shape.length === 4 ? reshape(mask, [mask.shape[0]!, 1, 1, mask.shape[2]!, mask.shape[3]!]) : mask;
  if (onWeights) onWeights(reshape(weightsOf(gq, gk, gm, c), [b, h, t, k.shape[2]!]));
  return reshape(weighted(gq, gk, gv, gm, c), [b, h, t, v.shape[3]!]);
}

/**
 * One query a row over a cache: the heads that share keys are the rows of one product. A product of a single row has a kernel of its own that
 * sums in another order; with two rows or more a token gets the bits that it would get in a chunk. q [B, H, 1, D], mask [B, 1, 1, M].
 */
function attendOne(c: Scoring, q: Tensor, keys: readonly Tensor[], values: readonly Tensor[], mask: Tensor): Tensor {
  const [b, h, , d] = q.shape as [number, number, number, number];
  const kv = keys[0]!.shape[1]!;
  const rows = reshape(q, [b, kv, h / kv, d]);
  if (h > kv) return reshape(weightedPages(rows, keys, values, mask, c), [b, h, 1, d]);
  return slice(weightedPages(concat([rows, rows], 2), keys, values, mask, c), undefined, undefined, [0, 1]);
}

/** What queries and keys are numbered by: documents, or places in a tree of texts. */
function segmentsOf(o: AttentionOptions): AttentionSegments | undefined {
  if (o.branches) return { queries: o.branches.enter, keys: o.branches.enter, ends: o.branches.exit };
  const keys = o.memory ? o.memorySegments : o.segments;
  return o.segments && keys ? { queries: o.segments, keys } : undefined;
}

/** Attention without a cache. Weights that are asked for, scores that are capped and scores with a bias of their own are written out. */
function attendWhole(c: Scoring, q: Tensor, k: Tensor, v: Tensor, o: AttentionOptions): Tensor {
  const { causal, window } = o.sight;
  const isTree = o.branches !== undefined && o.segments !== undefined;
  if (!o.onWeights && !o.scoreBias && c.scoreCap === undefined && !isTree)
    return flashAttention(q, k, v, { causal, ...defined({ window, scale: c.scoreScale, segments: segmentsOf(o), block: o.block }) });
  return attendBlocks(c, q, k, v, o);
}

/** The same with masks, in blocks of queries where that skips work. */
function attendBlocks(c: Scoring, q: Tensor, k: Tensor, v: Tensor, o: AttentionOptions): Tensor {
  const [length, memoryLength] = [q.shape[2]!, k.shape[2]!];
  const skips = o.sight.causal || o.sight.window !== undefined;
  const block = o.block && skips && !o.onWeights && !o.scoreBias && length % o.block === 0 ? o.block : length;
  const parts: Tensor[] = [];
  for (let from = 0; from < length; from += block) {
    const to = from + block;
    const [keyFrom, keyTo] = block === length ? [0, memoryLength] : keyRange(o.sight, from, to, memoryLength);
    let mask = skips ? sightMask(o.sight, from, to, keyFrom, keyTo) : undefined;
    const also = (other: Tensor) => {
      mask = mask ? add(other, mask) : other;
    };
    const documents = segmentsOf({ ...o, branches: undefined });
    const trees = o.branches && segmentsOf(o);
    for (const segments of [documents, trees]) if (segments) also(additive(sameSegment(segments, [from, to], [keyFrom, keyTo])));
    if (o.scoreBias) also(o.scoreBias);
    const cut = (x: Tensor, a: number, b: number) => (a === 0 && b === x.shape[2] ? x : slice(x, undefined, undefined, [a, b]));
    parts.push(
      attend(
        { ...c, isWritten: o.scoreBias !== undefined },
        cut(q, from, to),
        cut(k, keyFrom, keyTo),
        cut(v, keyFrom, keyTo),
        mask,
        o.onWeights,
      ),
    );
  }
  return parts.length === 1 ? parts[0]! : concat(parts, 2);
}

interface AttentionResult {
  readonly output: Tensor;
  /** The cache with this step's keys and values, when one was given. */
  readonly layer?: LayerCache;
}

/** Queries [B, H, T, D], keys and values [B, K, T, D] of x [B, T, C], queries and keys normalised and turned. */
function projected(c: AttentionConfig, p: Attention | JoinedAttention, x: Tensor, o: AttentionOptions) {
  const turned = (y: Tensor): Tensor => (o.rotary ? rotate(y, o.rotary) : y);
  const normed = (n: Norm | undefined, y: Tensor): Tensor => (n ? norm("rms", n, y, c.epsilon) : y);
  if (!isJoined(p)) {
    const source = o.memory ?? x;
    return {
      q: turned(normed(p.queryNorm, splitHeads(linear(p.query, x), c.heads))),
      k: turned(normed(p.keyNorm, splitHeads(linear(p.key, source), c.kvHeads))),
      v: splitHeads(linear(p.value, source), c.kvHeads),
    };
  }
  const [all, both] = [c.heads + 2 * c.kvHeads, c.heads + c.kvHeads];
  const { query, key, value } = p;
  if (query?.adapt || key?.adapt || value?.adapt) {
    const [q, k, v] = adaptedParts(x, linear(p.joined, x), [
      [c.heads * c.headSize, query],
      [c.kvHeads * c.headSize, key],
      [c.kvHeads * c.headSize, value],
    ]) as [Tensor, Tensor, Tensor];
    return {
      q: turned(normed(p.queryNorm, splitHeads(q, c.heads))),
      k: turned(normed(p.keyNorm, splitHeads(k, c.kvHeads))),
      v: splitHeads(v, c.kvHeads),
    };
  }
  const heads = splitHeads(linear(p.joined, x), all);
  const cut = (y: Tensor, from: number, to: number) => slice(y, undefined, [from, to]);
  const v = cut(heads, both, all);
  if (p.queryNorm || p.keyNorm)
    return {
      q: turned(normed(p.queryNorm, cut(heads, 0, c.heads))),
      k: turned(normed(p.keyNorm, cut(heads, c.heads, both))),
      v,
    };
  // what is alike for queries and keys is done once
  const qk = turned(cut(heads, 0, both));
  return { q: cut(qk, 0, c.heads), k: cut(qk, c.heads, both), v };
}

/** x [B, T, C] -> [B, T, C]. */
export function attention(c: AttentionConfig, p: Attention | JoinedAttention, x: Tensor, o: AttentionOptions): AttentionResult {
  checkShape("attention.x", x, `B T C=${c.width}`);
  const { q, k, v } = projected(c, p, x, o);
  if (!o.cache) return { output: linear(p.output, joinHeads(attendWhole(c, q, k, v, o))) };
  const { layer, view } = o.cache;
  const written = view.pages.map((_, i) => ({
    keys: scatterRows(layer.pages[i]!.keys, view.rows[i]!, k, "set"),
    values: scatterRows(layer.pages[i]!.values, view.rows[i]!, v, "set"),
  }));
  const shown = (flat: Tensor, i: number): Tensor => {
    const { rows } = view.pages[i]!;
    const all = reshape(flat, [flat.shape[0]! / rows / c.kvHeads, c.kvHeads, rows, c.headSize]);
    return view.pick ? view.pick(all) : all;
  };
  const [keys, values] = [written.map((w, i) => shown(w.keys, i)), written.map((w, i) => shown(w.values, i))];
  const mask = cachedSight(view.positions, rowPositions(view.pages), o.sight.window);
  const isOne = q.shape[2] === 1 && !o.onWeights;
  const whole = (pages: readonly Tensor[]): Tensor => (pages.length === 1 ? pages[0]! : concat(pages, 2));
  const y = isOne ? attendOne(c, q, keys, values, mask) : attend(c, q, whole(keys), whole(values), mask, o.onWeights);
  return { output: linear(p.output, joinHeads(y)), layer: { pages: written } };
}

/**
 * Where the tokens of several texts lie that follow one another without padding: rows of [N, C]. Only scores need a grid; products see each
 * token once.
 */
export interface PackedTexts {
  /** Row of each place of the grid [B, T] (i32). A place behind a text's end names a row of the same text. */
  readonly grid: Tensor;
  /** Place in the grid of each row [N] (i32): text * T + position. */
  readonly places: Tensor;
  /** 1 where the grid holds a token, 0 behind a text's end [B, T] (i32). */
  readonly present: Tensor;
}

/** Attention within each of the packed texts, both sides seen: x [N, C] -> [N, C]. Heads go to the grid and back in one move each. */
export function packedAttention(
  c: AttentionConfig,
  p: Attention | JoinedAttention,
  x: Tensor,
  { grid, places, present }: PackedTexts,
): Tensor {
  checkShape("packedAttention.x", x, `N C=${c.width}`);
  const [b, t] = grid.shape as [number, number];
  const n = x.shape[0]!;
  const ints = (list: readonly number[], shape: readonly number[]) => constant(Int32Array.from(list), "i32", shape);
  const counted = (count: number, step: number) => Array.from({ length: count }, (_, i) => i * step);
  /** `heads` heads of [N, all * D] from the head `from` on: [B, H, T, D]. */
  const spread = (y: Tensor, all: number, from: number, heads: number): Tensor => {
    const numbers = ints(
      counted(heads, 1).map(h => h + from),
      [1, heads, 1],
    );
    return gather(reshape(y, [n * all, c.headSize]), add(mul(reshape(grid, [b, 1, t]), ints([all], [1])), numbers));
  };
  const alone = (l: Linear, heads: number) => spread(linear(l, x), heads, 0, heads);
  const parts = (joined: Linear) => {
    const y = linear(joined, x);
    const all = c.heads + 2 * c.kvHeads;
    return [spread(y, all, 0, c.heads), spread(y, all, c.heads, c.kvHeads), spread(y, all, c.heads + c.kvHeads, c.kvHeads)] as const;
  };
  const [q, k, v] = isJoined(p) ? parts(p.joined) : [alone(p.query, c.heads), alone(p.key, c.kvHeads), alone(p.value, c.kvHeads)];
  const seen = equal(reshape(present, [b, 1, 1, t]), ints([1], [1]));
  const y = attend(c, q, k, v, additive(seen), undefined);
  // [B, H, T, D] -> [N, H * D]: of place text * T + position, head h is row (text * H + h) * T + position
  const first = add(places, mul(div(places, ints([t], [1])), ints([(c.heads - 1) * t], [1])));
  const rows = add(reshape(first, [n, 1]), ints(counted(c.heads, t), [1, c.heads]));
  return linear(p.output, reshape(gather(reshape(y, [b * c.heads * t, c.headSize]), rows), [n, c.heads * c.headSize]));
}
