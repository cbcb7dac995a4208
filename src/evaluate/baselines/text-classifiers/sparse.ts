/** Sparse rows: columns ascending, a value each. */
export interface SparseRow {
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

export function dot({ columns, values }: SparseRow, w: Float64Array, from = 0): number {
  let s = 0;
  for (let k = 0; k < columns.length; k++) s += values[k]! * w[from + columns[k]!]!;
  return s;
}

/** w += a x. */
export function addTo(w: Float64Array, a: number, { columns, values }: SparseRow, from = 0): void {
  for (let k = 0; k < columns.length; k++) {
    const at = from + columns[k]!;
    w[at] = w[at]! + a * values[k]!;
  }
}
