/** What attention the code computes, and where its keys and scores lie. */

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
export const keyBlocksOf = ({ keys }: Pick<AttentionShape, "keys">): number => Math.ceil(keys / keyBlock);
/** Floats of a matrix of keys, by block, then number, then key. */
export const keysFloats = (s: Pick<AttentionShape, "keys" | "keySize">): number => keyBlocksOf(s) * keyBlock * s.keySize;

/** Keys that a query may look at where heads have this size; 0 where the operator does not compute such heads. */
export const mostAttentionKeys = (size: number): number => (size > 0 && size % 16 === 0 && size <= mostSize ? mostKeys : 0);
