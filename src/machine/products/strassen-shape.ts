/**
 * Products in seven instead of eight: where both operands are parted in four, seven products of sums of the parts give the result's four parts
 * (Strassen, "Gaussian elimination is not optimal", 1969). One level of it, within tiles that stay in the caches (Huang, Smith, Henry and van de
 * Geijn, "Strassen's algorithm reloaded", 2016): 64 rows beside the next 64, a panel beside the next one, half of a block of inner places beside
 * the other half. Here: which products are computed so, and where what is multiplied lies. The second operand is a weight: its sums are made once.
 */
import { panelColumns, stripRows } from "./product-shape.ts";

export interface StrassenShape {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly alpha: number;
}

/** A part of an operand or of the result: rows (or inner places) of the first or second half, then columns of the first or second half. */
export type MatrixPart = readonly [0 | 1, 0 | 1];
/** A part, and one that is added to it or taken from it. */
interface Sum {
  readonly first: MatrixPart;
  readonly second?: { readonly part: MatrixPart; readonly sign: 1 | -1 };
}
interface Term {
  readonly a: Sum;
  readonly b: Sum;
  /** Where the product is added or taken away. */
  readonly to: readonly (readonly [MatrixPart, 1 | -1])[];
}

const [p11, p12, p21, p22] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const satisfies readonly MatrixPart[];
const plus = (part: MatrixPart) => ({ part, sign: 1 }) as const;
const minus = (part: MatrixPart) => ({ part, sign: -1 }) as const;

/** The seven products. Each part of the result is met first with a plus. */
export const terms: readonly Term[] = [
  {
    a: { first: p11, second: plus(p22) },
    b: { first: p11, second: plus(p22) },
    to: [
      [p11, 1],
      [p22, 1],
    ],
  },
  {
    a: { first: p21, second: plus(p22) },
    b: { first: p11 },
    to: [
      [p21, 1],
      [p22, -1],
    ],
  },
  {
    a: { first: p11 },
    b: { first: p12, second: minus(p22) },
    to: [
      [p12, 1],
      [p22, 1],
    ],
  },
  {
    a: { first: p22 },
    b: { first: p21, second: minus(p11) },
    to: [
      [p11, 1],
      [p21, 1],
    ],
  },
  {
    a: { first: p11, second: plus(p12) },
    b: { first: p22 },
    to: [
      [p11, -1],
      [p12, 1],
    ],
  },
  { a: { first: p21, second: minus(p11) }, b: { first: p11, second: plus(p12) }, to: [[p22, 1]] },
  { a: { first: p12, second: minus(p22) }, b: { first: p21, second: plus(p22) }, to: [[p11, 1]] },
];

/** Rows of half a tile, at most. */
export const halfRows = 64;
/** Columns of a pair of panels. */
export const pairColumns = 2 * panelColumns;
/** Inner places of a block: a tile's sums of a and a panel's of b stay in the second-level cache. */
const mostBlock = 576;
const leastBlock = 128;

/** Blocks that inner places are parted into, all of one size, or undefined where there are none. */
function blocksOf(inner: number): number | undefined {
  for (let n = Math.ceil(inner / mostBlock); inner / n >= leastBlock; n++) if (inner % (2 * n) === 0) return n;
  return undefined;
}

/** Can a product have such a shape? Rows in sixteens: eight beside eight. */
export const isStrassen = ({ rows, columns, inner }: Pick<StrassenShape, "rows" | "columns" | "inner">): boolean =>
  rows > 0 && rows % (2 * stripRows) === 0 && columns >= pairColumns && blocksOf(inner) !== undefined;

export interface StrassenLayout {
  /** Blocks of inner places, and places of half a block; steps are these filled up with zeros to a multiple of 16. */
  readonly blocks: number;
  readonly half: number;
  readonly steps: number;
  readonly pairs: number;
  /** Tiles of `2 * halfRows` rows; the last one may have fewer. */
  readonly tiles: number;
  /** Floats of a strip, of one product's strips in a tile, and of one product's panel. */
  readonly stripFloats: number;
  readonly stripsFloats: number;
  readonly panelFloats: number;
  /** All sums of a: by tile, block, product, strip. */
  readonly rowsFloats: number;
  /** All sums of b: by block, pair, product. */
  readonly weightFloats: number;
}

/** Between strips, so that they do not meet in the same sets of the cache. */
const gap = 16;

/** Errors: none for what `isStrassen` takes. */
export function strassenLayout({ rows, columns, inner }: Pick<StrassenShape, "rows" | "columns" | "inner">): StrassenLayout {
  const blocks = blocksOf(inner)!;
  const half = inner / (2 * blocks);
  const steps = 16 * Math.ceil(half / 16);
  const pairs = Math.ceil(columns / pairColumns);
  const tiles = Math.ceil(rows / (2 * halfRows));
  const stripFloats = steps * stripRows + gap;
  const stripsFloats = (halfRows / stripRows) * stripFloats;
  const panelFloats = steps * panelColumns;
  return {
    blocks,
    half,
    steps,
    pairs,
    tiles,
    stripFloats,
    stripsFloats,
    panelFloats,
    rowsFloats: tiles * blocks * terms.length * stripsFloats,
    weightFloats: blocks * pairs * terms.length * panelFloats,
  };
}
