/** Which attentions the operator computes, and where their keys and scores lie. */
import { sizeOf } from "../dtype.ts";
import { type Shape, sameShape } from "../shape.ts";

export interface AttentionShape {
  /** Matrices of keys, and of values. */
  readonly matrices: number;
  /** Matrices of queries that look at the same keys. */
  readonly group: number;
  /** Rows of a matrix of queries; keys that each looks at. */
  readonly queries: number;
  readonly keys: number;
  /** Numbers of a key, and of a value. */
  readonly keySize: number;
  readonly valueSize: number;
  /** Masks: none, or one for each so many matrices of keys that follow one another. */
  readonly masks: number;
  /** Rows of a mask: as many as there are queries, or one for all of them. */
  readonly maskRows: number;
  readonly scale: number;
}

/** Queries that are computed at once: as many as registers hold the scores of. */
export const tileRows = 6;
/** Keys that are looked at at once, the numbers of one dimension side by side. */
export const keyBlock = 64;
/** A key whose mask is at or below it counts for nothing beside one whose mask is above. */
export const hiddenBelow = -1e8;

/** Scores of a tile stand on the stack. */
const mostKeys = 8192;
const mostSize = 256;
/** Offsets within an array, in bytes, stand in instructions of 32 bits. */
const mostElements = 2 ** 28;

export const blocksOf = ({ keys }: Pick<AttentionShape, "keys">): number => Math.ceil(keys / keyBlock);
/** Floats of a matrix of keys, by block, then number, then key. */
export const keysFloats = (s: Pick<AttentionShape, "keys" | "keySize">): number => blocksOf(s) * keyBlock * s.keySize;

/** Keys that a query may look at where heads have this size; 0 where the operator does not compute such heads. */
export const mostKeysOf = (size: number): number => (size > 0 && size % 16 === 0 && size <= mostSize ? mostKeys : 0);

/** How many masks there are, each for as many matrices, or undefined where they do not stand so: a mask that heads share, one for all or one a text. */
function masksOf(mask: Shape, stack: Shape, queries: number, keys: number): number | undefined {
  if (mask.at(-1) !== keys || (mask.at(-2) !== queries && mask.at(-2) !== 1)) return undefined;
  const own = mask.slice(0, -2);
  const all = [...stack.slice(0, Math.max(0, stack.length - own.length)).map(() => 1), ...own];
  const shared = all.findIndex((n, i) => n !== stack[i]);
  if (shared < 0) return sizeOf(all);
  return all.slice(shared).every(n => n === 1) ? sizeOf(all.slice(0, shared)) : undefined;
}

/**
 * What softmax(scale q k^T + mask) v of arrays of these shapes is, or undefined where the operator does not compute it: q [..., G, Tq, D] over k
 * [..., 1, Tk, D] and v [..., 1, Tk, E] whose heads share keys, or as many of each; sizes of a head in sixteens; not the few queries of a decoding step.
 */
export function attentionOf(q: Shape, k: Shape, v: Shape, mask: Shape | undefined, scale: number): AttentionShape | undefined {
  const [stackQ, stackK, stackV] = [q.slice(0, -2), k.slice(0, -2), v.slice(0, -2)];
  if (stackQ.length !== stackK.length || !sameShape(stackK, stackV)) return undefined;
  const isShared = stackQ.length > 0 && stackK.at(-1) === 1;
  const [outer, group] = isShared ? [stackQ.slice(0, -1), stackQ.at(-1)!] : [stackQ, 1];
  if (!sameShape(outer, isShared ? stackK.slice(0, -1) : stackK)) return undefined;
  const [queries, keySize, keys, valueSize] = [q.at(-2)!, q.at(-1)!, k.at(-2)!, v.at(-1)!];
  const sizes = [keySize, valueSize];
  if (queries < tileRows || keys < 1 || sizes.some(n => keys > mostKeysOf(n))) return undefined;
  const isOfGroup = mask !== undefined && isShared && mask.length > 2;
  // a mask of its own for each head of a group has no place
  if (isOfGroup && mask.at(-3) !== 1) return undefined;
  const masks = mask ? masksOf(isOfGroup ? [...mask.slice(0, -3), ...mask.slice(-2)] : mask, outer, queries, keys) : 0;
  if (masks === undefined) return undefined;
  const matrices = sizeOf(outer);
  const largest = Math.max(matrices * group * queries * Math.max(...sizes), matrices * (keys + keyBlock) * Math.max(...sizes));
  if (matrices * group === 0 || Math.max(largest, masks * queries * keys) > mostElements) return undefined;
  return { matrices, group, queries, keys, keySize, valueSize, masks, maskRows: mask?.at(-2) ?? 0, scale };
}
