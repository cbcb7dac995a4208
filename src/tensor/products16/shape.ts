/** What a product of two matrices is, or of two stacks of them, and where its operands lie once they are packed. */

export interface ProductShape {
  /** Products, one after another in memory. */
  readonly count: number;
  /** Rows and columns of the result, and what is summed over. */
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  /** Stored the other way round: a as [inner, rows], b as [columns, inner]. */
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** What the sum is multiplied by. */
  readonly alpha: number;
  /** One b for all products of the stack. */
  readonly sharesB: boolean;
}

/** Rows of the result in one pass over its columns, and columns: 8 by 3 vectors of sums stay in registers. */
export const stripRows = 8;
export const panelColumns = 48;
/** Bytes that a pair of inner places takes in a strip and in a panel: two bf16 for each row or column. */
export const stripPairBytes = 4 * stripRows;
export const panelPairBytes = 4 * panelColumns;
/** Rows that are packed together: two strips, or where they are columns in memory as many as four lines hold, for a line a row is slow to read. */
export const packedRows = (transposeA: boolean): number => (transposeA ? 64 : 16);

export interface Layout {
  /** Pairs of inner places, filled up with zeros to a multiple of 16. */
  readonly pairs: number;
  readonly strips: number;
  readonly panels: number;
  readonly stripBytes: number;
  readonly panelBytes: number;
  /** Bytes of one product's strips, and of its panels. */
  readonly aBytes: number;
  readonly bBytes: number;
  /** Panels lie first, then strips. */
  readonly aStart: number;
  readonly bytes: number;
}

/** Between strips, so that writing to some at once does not meet in the same set of the cache. */
const gapBytes = 64;

export function layoutOf({ count, rows, columns, inner, transposeA, sharesB }: ProductShape): Layout {
  const pairs = 16 * Math.ceil(inner / 32);
  const together = packedRows(transposeA);
  const strips = (together / stripRows) * Math.ceil(rows / together);
  const panels = Math.ceil(columns / panelColumns);
  const [stripBytes, panelBytes] = [pairs * stripPairBytes + gapBytes, pairs * panelPairBytes];
  const [aBytes, bBytes] = [strips * stripBytes, panels * panelBytes];
  const aStart = (sharesB ? 1 : count) * bBytes;
  return { pairs, strips, panels, stripBytes, panelBytes, aBytes, bBytes, aStart, bytes: aStart + count * aBytes };
}

export const keyOf = (s: ProductShape): string =>
  [s.count, s.rows, s.columns, s.inner, +s.transposeA, +s.transposeB, s.alpha, +s.sharesB].join("_");
