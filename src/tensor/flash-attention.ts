/**
 * What the operations of FlashAttention compute, written with others: what runs where no machine code does, the judge of that code, and the
 * derivative of its derivative. Queries are taken in blocks where that skips keys; a query that sees nothing gives 0 and has no gradient.
 */
import * as f from "./functions.ts";
import type { Vjp } from "./gradient.ts";
import type { OpAttributes } from "./ops.ts";
import { type AttentionSegments, additive, hiddenScore, keyRange, type Sight, sameSegment, sightMask } from "./sight.ts";
import { constant, type Tensor } from "./tensor.ts";

type FlashAttributes = OpAttributes["flashAttention"];
interface FlashInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly segments: AttentionSegments | undefined;
}
function named([q, k, v, queries, keys, ends]: readonly Tensor[]): FlashInputs {
  const segments = queries && keys ? { queries, keys, ...(ends ? { ends } : {}) } : undefined;
  return { q: q!, k: k!, v: v!, segments };
}

/** May a query see no key at all? Not where each is beside itself. */
function mayBeBlind({ q, k, segments }: FlashInputs, sight: Sight): boolean {
  const [queries, keys] = [q.shape[2]!, k.shape[2]!];
  const isSelf = queries === keys && (sight.offset ?? 0) === 0 && (sight.window === undefined || sight.window > 0);
  if (segments) return !(isSelf && segments.queries === segments.keys);
  if (isSelf) return false;
  return Array.from({ length: queries }, (_, i) => keyRange(sight, i, i + 1, keys)).some(([from, to]) => from >= to);
}

/** The additive mask of queries over keys: [Tq, Tk], or [B, 1, Tq, Tk] with segments. */
function maskOf(
  { segments }: FlashInputs,
  sight: Sight,
  queries: readonly [number, number],
  keys: readonly [number, number],
): Tensor | undefined {
  const mask = sight.causal || sight.window !== undefined ? sightMask(sight, ...queries, ...keys) : undefined;
  if (!segments) return mask;
  const same = additive(sameSegment(segments, queries, keys));
  return mask ? f.add(same, mask) : same;
}

/** Where a query sees a key, by the mask: with a last axis of size 1. */
const seesAny = (mask: Tensor): Tensor => f.less(hiddenScore / 2, f.max(mask, -1, true));

/** Heads of queries beside the one that they look at: [B, H, T, D] -> [B, K, G, T, D], where there are groups. */
function grouped({ q, k, v }: FlashInputs, mask: Tensor | undefined) {
  const [b, h] = q.shape as [number, number, number, number];
  const kv = k.shape[1]!;
  if (kv === h) return { q, k, v, mask };
  const group = (x: Tensor, n: number) => f.reshape(x, [b, kv, n, x.shape[2]!, x.shape[3]!]);
  const ofAll = mask && mask.shape.length === 4 ? f.reshape(mask, [mask.shape[0]!, 1, 1, mask.shape[2]!, mask.shape[3]!]) : mask;
  return { q: group(q, h / kv), k: group(k, 1), v: group(v, 1), mask: ofAll };
}

function attendFloats(x: FlashInputs, { scale, sight, block: wanted }: FlashAttributes): Tensor {
  const [b, h, length] = x.q.shape as [number, number, number, number];
  const keys = x.k.shape[2]!;
  const skips = sight.causal || sight.window !== undefined;
  const block = wanted && skips && length % wanted === 0 ? wanted : length;
  const isBlind = mayBeBlind(x, sight);
  const cut = (t: Tensor, from: number, to: number) => (from === 0 && to === t.shape[2] ? t : f.slice(t, undefined, undefined, [from, to]));
  const parts: Tensor[] = [];
  for (let from = 0; from < length; from += block) {
    const to = from + block;
    const [keyFrom, keyTo] = block === length ? [0, keys] : keyRange(sight, from, to, keys);
    if (keyFrom >= keyTo) {
      parts.push(f.zeros([b, h, block, x.v.shape[3]!]));
      continue;
    }
    const mask = maskOf(x, sight, [from, to], [keyFrom, keyTo]);
    const g = grouped({ ...x, q: cut(x.q, from, to), k: cut(x.k, keyFrom, keyTo), v: cut(x.v, keyFrom, keyTo) }, mask);
    const y = f.reshape(f.scaledDotProductAttention(g.q, g.k, g.v, g.mask, scale), [b, h, block, x.v.shape[3]!]);
    parts.push(isBlind && mask ? f.select(seesAny(mask), y, 0) : y);
  }
  return parts.length === 1 ? parts[0]! : f.concat(parts, 2);
}

/** 16-bit floats have no number for what is hidden. */
const inFloats = (x: FlashInputs): FlashInputs => ({ ...x, q: f.cast(x.q, "f32"), k: f.cast(x.k, "f32"), v: f.cast(x.v, "f32") });

/** softmax(scale q k^T) v over what is seen. */
export function attendOf(inputs: readonly Tensor[], attributes: FlashAttributes): Tensor {
  const x = named(inputs);
  return f.cast(attendFloats(inFloats(x), attributes), x.q.dtype);
}

/** log(sum(exp(scale q k^T))) over what is seen [B, H, Tq]; infinity where that is nothing, so that weights made of it are 0. */
export function attendedLogSum(inputs: readonly Tensor[], { scale, sight }: FlashAttributes): Tensor {
  const x = inFloats(named(inputs));
  const [b, h, length] = x.q.shape as [number, number, number, number];
  const mask = maskOf(x, sight, [0, length], [0, x.k.shape[2]!]);
  const g = grouped(x, mask);
  const scores = f.matmul(g.q, g.k, { transposeB: true, alpha: scale });
  const sums = f.reshape(f.logSumExp(g.mask ? f.add(scores, g.mask) : scores), [b, h, length, 1]);
  const whole = mask && mayBeBlind(x, sight) ? f.select(seesAny(mask), sums, constant(Number.POSITIVE_INFINITY)) : sums;
  return f.reshape(whole, [b, h, length]);
}

/** The cotangent of q, k or v: inputs q, k, v, the result and its logarithms, the result's cotangent, segments. */
export function attendedGradient(
  [q, k, v, , , d, ...segments]: readonly Tensor[],
  { of, ...attributes }: OpAttributes["flashGradient"],
  vjp: Vjp,
): Tensor {
  const copies = [q!, k!, v!].map(f.identity);
  const y = attendOf([...copies, ...segments], attributes);
  const place = { query: 0, key: 1, value: 2 }[of];
  return vjp(y, copies, d!)[place] ?? f.zeros(copies[place]!.shape, copies[place]!.dtype);
}
