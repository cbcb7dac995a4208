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
  /** Stored as bf16, a word an element, not as f32: of the form `bf16` alone (`canReadWords`). */
  readonly wordsA?: boolean;
  readonly wordsB?: boolean;
}
/** Bytes of an operand's element. */
export const elementBytes = (isWords: boolean | undefined): 2 | 4 => (isWords ? 2 : 4);
/** Can an operand stored as words be read? Pairs that lie side by side are read whole. */
export const canReadWords = (form: ProductForm, inner: number, isInnerLast: boolean): boolean =>
  form === "bf16" && (!isInnerLast || inner % 2 === 0);

/** Rows of the result in one pass over its columns, and columns: 8 by 3 vectors of sums stay in registers. */
export const stripRows = 8;
export const panelColumns = 48;
/**
 * The same for results of other widths, which 48 columns would leave partly empty: rows and vectors of 16 columns. What is multiplied comes from
 * the nearest cache, so fewer rows cost no more.
 */
interface ProductTile {
  readonly rows: 4 | 8 | 12;
  readonly vectors: 1 | 2 | 3 | 4 | 5;
}
const tiles: readonly ProductTile[] = [
  { rows: 8, vectors: 3 },
  { rows: 12, vectors: 2 },
  { rows: 12, vectors: 1 },
  { rows: 4, vectors: 4 },
  { rows: 4, vectors: 5 },
];
/** What a tile's sums cost beside those of 8 by 3: it reads more a sum. */
const tileCost = ({ rows, vectors }: ProductTile): number => ((rows + vectors) / (rows * vectors) > 0.5 ? 1.1 : rows === 4 ? 1.05 : 1);
/** The tile that fills up the fewest columns and rows. */
function tileOf({ rows, columns }: Pick<ProductShape, "rows" | "columns">): ProductTile {
  const cost = (t: ProductTile): number =>
    t.vectors * Math.ceil(columns / (16 * t.vectors)) * t.rows * Math.ceil(rows / t.rows) * tileCost(t);
  return tiles.reduce((best, t) => (cost(t) < cost(best) ? t : best));
}
/** Inner places that share four bytes, and are multiplied by one instruction: a step. */
export const placesPerStep = (form: ProductForm): 1 | 2 => (form === "bf16" ? 2 : 1);
/** Bytes that a step takes in a strip and in a panel of 8 rows and 48 columns: four for each. */
export const stripStepBytes = 4 * stripRows;
export const panelStepBytes = 4 * panelColumns;

/** Steps a turn of the innermost loop. */
export const unrolledSteps = 4;
/** Between strips, so that writing to some at once does not meet in the same set of the cache. */
const gapBytes = 64;
/** Rows that lie so far from one another meet in the same set of the nearest cache. */
const setBytes = 4096;

export interface ProductLayout {
  readonly tile: ProductTile;
  /** Columns of a panel. */
  readonly panelColumns: number;
  readonly stripStepBytes: number;
  readonly panelStepBytes: number;
  /** Is a read where it lies? Then nothing of it is packed. */
  readonly readsA: boolean;
  /** Steps of a sum; where both operands are packed filled up with zeros to a multiple of 16. */
  readonly steps: number;
  readonly strips: number;
  readonly panels: number;
  /** Rows that are packed together: two strips, or where they are columns in memory as many as three or four lines hold, for a line a row is slow to read. */
  readonly packedRows: number;
  readonly stripBytes: number;
  readonly panelBytes: number;
  /** Bytes of one product's strips, and of its panels. */
  readonly aBytes: number;
  readonly bBytes: number;
  /** Panels lie first, then strips. */
  readonly aStart: number;
  readonly bytes: number;
}

/** Are the rows of a multiplied where they lie: whole strips of rows whose inner places are what the instruction takes, in whole turns of the loop? */
function readsA({ form, rows, inner, transposeA, wordsA }: ProductShape, tile: ProductTile): boolean {
  const bytes = elementBytes(wordsA);
  return (
    !transposeA &&
    (form === "f32" || (form === "bf16" && wordsA === true)) &&
    rows % tile.rows === 0 &&
    inner % (placesPerStep(form) * unrolledSteps) === 0 &&
    (inner * bytes) % setBytes !== 0
  );
}

export function layoutOf(s: ProductShape): ProductLayout {
  const { form, count, rows, columns, inner, transposeA, sharesB } = s;
  const tile = tileOf(s);
  const filled = 16 * Math.ceil(inner / (16 * placesPerStep(form)));
  const reads = readsA(s, tile);
  const packedRows = transposeA ? (tile.rows === 12 ? 48 : 64) : 2 * tile.rows;
  const strips = (packedRows / tile.rows) * Math.ceil(rows / packedRows);
  const width = 16 * tile.vectors;
  const panels = Math.ceil(columns / width);
  const [stripStepBytes, panelStepBytes] = [4 * tile.rows, 4 * width];
  const [stripBytes, panelBytes] = [filled * stripStepBytes + gapBytes, filled * panelStepBytes];
  const [aBytes, bBytes] = [reads ? 0 : strips * stripBytes, panels * panelBytes];
  const aStart = (sharesB ? 1 : count) * bBytes;
  return {
    tile,
    panelColumns: width,
    stripStepBytes,
    panelStepBytes,
    readsA: reads,
    steps: reads ? inner / placesPerStep(form) : filled,
    strips,
    panels,
    packedRows,
    stripBytes,
    panelBytes,
    aBytes,
    bBytes,
    aStart,
    bytes: aStart + count * aBytes,
  };
}

export const productKey = (s: ProductShape): string =>
  [s.form, s.count, s.rows, s.columns, s.inner, +s.transposeA, +s.transposeB, s.alpha, +s.sharesB, +!!s.wordsA, +!!s.wordsB].join("_");
