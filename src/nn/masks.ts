/** Masks of what may be seen where texts share their beginnings, and where keys lie in a cache. */
import { additive, and, constant, less, lessEqual, reshape, sub, type Tensor } from "../tensor/index.ts";

/**
 * Texts that share their beginnings, as a tree whose nodes are pieces of text laid one after another in a row, parents first. A node has a number
 * and the number behind its last descendant (numbers in order of a walk from the root), so "above" is two comparisons. Both [B, T] (i32).
 */
export interface Branches {
  readonly enter: Tensor;
  readonly exit: Tensor;
}

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
