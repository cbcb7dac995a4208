/** What attention may see, and its additive form: 0 where seen, a large negative number where not. */
import { and, cast, equal, less, lessEqual, mul, not, reshape, slice } from "./functions.ts";
import { constant, type Tensor } from "./tensor.ts";

/** Finite, so that a row that sees nothing gives a uniform average and no NaN. */
export const hiddenScore = -1e9;

export interface Sight {
  /** A query sees keys at or before its own position only. */
  readonly causal: boolean;
  /** A query sees at most this many keys back, itself included; and as far ahead where it is not causal. */
  readonly window?: number;
  /** Query i is at the position of key i + offset; 0 when absent. */
  readonly offset?: number;
}

/** Numbers of queries and keys: a query sees keys of its own number; with `ends`, those with keys <= number < ends. All [B, T] (i32). */
export interface AttentionSegments {
  readonly queries: Tensor;
  readonly keys: Tensor;
  readonly ends?: Tensor;
}

const sees = (s: Sight, query: number, key: number): boolean =>
  (!s.causal || key <= query) && (s.window === undefined || (query - key < s.window && (s.causal || key - query < s.window)));

/** Masks that were made, by the sight's object and the range: the nodes of a derivative share those of what it is taken of. */
const made = new WeakMap<Sight, Map<string, Tensor | undefined>>();

/** The additive mask [Tq, Tk] of queries from..to over keys keyFrom..keyTo; undefined where everything is seen. */
export function sightMask(s: Sight, from: number, to: number, keyFrom: number, keyTo: number): Tensor | undefined {
  const known = made.get(s) ?? new Map<string, Tensor | undefined>();
  made.set(s, known);
  const key = `${from} ${to} ${keyFrom} ${keyTo}`;
  if (known.has(key)) return known.get(key);
  const [rows, columns, offset] = [to - from, keyTo - keyFrom, s.offset ?? 0];
  const data = new Float32Array(rows * columns);
  let any = false;
  for (let q = 0; q < rows; q++)
    for (let k = 0; k < columns; k++)
      if (!sees(s, from + q + offset, keyFrom + k)) {
        data[q * columns + k] = hiddenScore;
        any = true;
      }
  const mask = any ? constant(data, "f32", [rows, columns]) : undefined;
  known.set(key, mask);
  return mask;
}

/** The range of keys that queries from..to can see at all. */
export function keyRange(s: Sight, from: number, to: number, length: number): [number, number] {
  const [first, last] = [from + (s.offset ?? 0), to - 1 + (s.offset ?? 0)];
  const within = (x: number) => Math.max(0, Math.min(length, x));
  return [
    s.window === undefined ? 0 : within(first - s.window + 1),
    within(s.causal ? last + 1 : s.window === undefined ? length : last + s.window),
  ];
}

type Range = readonly [number, number];
/** Boolean [B, 1, Tq, Tk]: does the key's number, or range of numbers, have the query's? Rows from..to over keys keyFrom..keyTo. */
export function sameSegment({ queries, keys, ends }: AttentionSegments, [from, to]: Range, [keyFrom, keyTo]: Range): Tensor {
  const batch = queries.shape[0]!;
  const ids = reshape(slice(queries, undefined, [from, to]), [batch, 1, to - from, 1]);
  const ofKeys = (x: Tensor) => reshape(slice(x, undefined, [keyFrom, keyTo]), [batch, 1, 1, keyTo - keyFrom]);
  return ends ? and(lessEqual(ofKeys(keys), ids), less(ids, ofKeys(ends))) : equal(ids, ofKeys(keys));
}

/** Additive form of a boolean mask. */
export const additive = (seen: Tensor): Tensor => mul(cast(not(seen), "f32"), hiddenScore);
