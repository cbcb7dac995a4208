/**
 * Attention masks: what may be seen, and its additive form (0 where seen, a large negative number where not). Blocks of queries let a causal
 * layer skip the keys that no query of the block may see.
 */
import { and, cast, constant, equal, less, lessEqual, mul, not, reshape, slice, sub, type Tensor } from "../tensor/index.ts";

/** Finite, so that a row that sees nothing gives a uniform average and no NaN. */
const hidden = -1e9;

export interface Sight {
  /** A query sees keys at or before its own position only. */
  readonly causal: boolean;
  /** A query sees at most this many keys back, itself included. */
  readonly window?: number;
}

const sees = (s: Sight, query: number, key: number): boolean =>
  (!s.causal || key <= query) && (s.window === undefined || (query - key < s.window && (s.causal || key - query < s.window)));

/** The additive mask [Tq, Tk] of queries from..to over keys keyFrom..keyTo; undefined where everything is seen. */
export function sightMask(s: Sight, from: number, to: number, keyFrom: number, keyTo: number): Tensor | undefined {
  const rows = to - from;
  const columns = keyTo - keyFrom;
  const data = new Float32Array(rows * columns);
  let any = false;
  for (let q = 0; q < rows; q++)
    for (let k = 0; k < columns; k++)
      if (!sees(s, from + q, keyFrom + k)) {
        data[q * columns + k] = hidden;
        any = true;
      }
  return any ? constant(data, "f32", [rows, columns]) : undefined;
}

/** The range of keys that queries from..to can see at all. */
export const keyRange = (s: Sight, from: number, to: number, length: number): [number, number] => [
  s.window === undefined ? 0 : Math.max(0, from - s.window + 1),
  s.causal ? to : s.window === undefined ? length : Math.min(length, to - 1 + s.window),
];

/** Boolean [B, 1, Tq, Tk]: same document, for segments [B, T] (i32), rows from..to over keys keyFrom..keyTo. */
export function sameSegment(
  queries: Tensor,
  keys: Tensor,
  [from, to]: readonly [number, number],
  [keyFrom, keyTo]: readonly [number, number],
): Tensor {
  const batch = queries.shape[0]!;
  return equal(
    reshape(slice(queries, undefined, [from, to]), [batch, 1, to - from, 1]),
    reshape(slice(keys, undefined, [keyFrom, keyTo]), [batch, 1, 1, keyTo - keyFrom]),
  );
}

/**
 * Texts that share their beginnings, as a tree whose nodes are pieces of text laid one after another in a row, parents first. A node has a number
 * and the number behind its last descendant (numbers in order of a walk from the root), so "above" is two comparisons. Both [B, T] (i32).
 */
export interface Branches {
  readonly enter: Tensor;
  readonly exit: Tensor;
}

/** Boolean [B, 1, Tq, Tk]: the key's node is the query's or one above it. */
export function sameBranch(
  { enter, exit }: Branches,
  [from, to]: readonly [number, number],
  [keyFrom, keyTo]: readonly [number, number],
): Tensor {
  const batch = enter.shape[0]!;
  const queries = reshape(slice(enter, undefined, [from, to]), [batch, 1, to - from, 1]);
  const keys = (x: Tensor) => reshape(slice(x, undefined, [keyFrom, keyTo]), [batch, 1, 1, keyTo - keyFrom]);
  return and(lessEqual(keys(enter), queries), less(queries, keys(exit)));
}

/** Additive form of a boolean mask. */
export const additive = (seen: Tensor): Tensor => mul(cast(not(seen), "f32"), hidden);

/**
 * For cached decoding: the key at position j is seen by the query at position p when j <= p (and within the window). positions [B, W], a
 * position for each of M keys -> [B, 1, W, M].
 */
export function cachedSight(positions: Tensor, keys: Int32Array, window?: number): Tensor {
  const [batch, width] = positions.shape as [number, number];
  const key = constant(keys, "i32", [1, 1, 1, keys.length]);
  const query = reshape(positions, [batch, 1, width, 1]);
  const past = lessEqual(key, query);
  return additive(window === undefined ? past : and(past, less(sub(query, window), key)));
}
