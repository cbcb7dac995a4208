/** What a product of two matrices is, or of two stacks of them, and where its operands lie once they are packed. */

/**
 * What operands are when they are multiplied: `f32` as they are; `bf16` rounded, two of them by two at once, which takes a processor with such
 * products; `rounded` the same numbers, each still in the place of an f32. Sums are float32 always.
 */
export type ProductForm = "f32" | "bf16" | "rounded";

export interface ProductShape {
  readonly form: ProductForm;
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
/** Inner places that share four bytes, and are multiplied by one instruction: a step. */
export const placesPerStep = (form: ProductForm): 1 | 2 => (form === "bf16" ? 2 : 1);
/** Bytes that a step takes in a strip and in a panel: four for each row or column. */
export const stripStepBytes = 4 * stripRows;
export const panelStepBytes = 4 * panelColumns;
/** Rows that are packed together: two strips, or where they are columns in memory as many as four lines hold, for a line a row is slow to read. */
export const packedRows = (transposeA: boolean): number => (transposeA ? 64 : 16);

export interface ProductLayout {
  /** Steps of a sum, filled up with zeros to a multiple of 16. */
  readonly steps: number;
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

export function layoutOf({ form, count, rows, columns, inner, transposeA, sharesB }: ProductShape): ProductLayout {
  const steps = 16 * Math.ceil(inner / (16 * placesPerStep(form)));
  const together = packedRows(transposeA);
  const strips = (together / stripRows) * Math.ceil(rows / together);
  const panels = Math.ceil(columns / panelColumns);
  const [stripBytes, panelBytes] = [steps * stripStepBytes + gapBytes, steps * panelStepBytes];
  const [aBytes, bBytes] = [strips * stripBytes, panels * panelBytes];
  const aStart = (sharesB ? 1 : count) * bBytes;
  return { steps, strips, panels, stripBytes, panelBytes, aBytes, bBytes, aStart, bytes: aStart + count * aBytes };
}

export const productKey = (s: ProductShape): string =>
  [s.form, s.count, s.rows, s.columns, s.inner, +s.transposeA, +s.transposeB, s.alpha, +s.sharesB].join("_");
