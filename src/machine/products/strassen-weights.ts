/** A weight as the seven products read it. */
import { panelColumns } from "./product-shape.ts";
import { type MatrixPart, pairColumns, type StrassenShape, strassenLayout, terms } from "./strassen-shape.ts";

export interface StrassenWeight extends Pick<StrassenShape, "columns" | "inner"> {
  /** Stored as [columns, inner] instead of [inner, columns]. */
  readonly transposed: boolean;
}

/** Pairs of panels whose columns are all there: machine code packs these. */
export const wholePairs = ({ columns }: Pick<StrassenWeight, "columns">): number => Math.floor(columns / pairColumns);

/** Sums of the parts of a pair's columns of `b`, as `strassenLayout` says, into `out`; columns that are not there count as zeros. */
export function packPair(b: Float32Array, { columns, inner, transposed }: StrassenWeight, pair: number, out: Float32Array): void {
  const l = strassenLayout({ rows: 0, columns, inner });
  for (let block = 0; block < l.blocks; block++) {
    const at = ([i, j]: MatrixPart, k: number, c: number): number => {
      const place = (2 * block + i) * l.half + k;
      const column = pair * pairColumns + j * panelColumns + c;
      return column < columns ? b[transposed ? column * inner + place : place * columns + column]! : 0;
    };
    for (const [p, { b: sum }] of terms.entries()) {
      const to = ((block * l.pairs + pair) * terms.length + p) * l.panelFloats;
      for (let k = 0; k < l.half; k++)
        for (let c = 0; c < panelColumns; c++)
          out[to + k * panelColumns + c] = at(sum.first, k, c) + (sum.second ? sum.second.sign * at(sum.second.part, k, c) : 0);
    }
  }
}
