/**
 * Distance to the k-th nearest vector of a reference (Ramaswamy, Rastogi and Shim 2000): what is like nothing that was there. Of windows of a series the farthest
 * is its discord (Keogh, Lin and Fu 2005). Columns count alike: each is divided by its deviation. The model is plain data.
 */
import { checkSetting, checkValue } from "../errors.ts";

export interface NeighbourReference {
  readonly k: number;
  readonly columns: number;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** Standardised vectors, row by row. */
  readonly rows: readonly number[];
}

/** Errors: watch/setting, watch/value. */
export function neighbourReference(rows: readonly ArrayLike<number>[], k = 5): NeighbourReference {
  checkSetting(Number.isInteger(k) && k >= 1, "k", "a whole number from 1", k);
  checkSetting(rows.length > k, "rows", `more than ${k} vectors`, rows.length);
  const columns = rows[0]!.length;
  checkSetting(columns >= 1, "rows[0]", "one number or more", columns);
  const [mean, deviation] = [new Array<number>(columns).fill(0), new Array<number>(columns).fill(0)];
  for (const [i, row] of rows.entries()) {
    checkValue(row.length === columns, `rows[${i}]`, `${columns} numbers`, row.length);
    for (let c = 0; c < columns; c++) {
      checkValue(Number.isFinite(row[c]!), `rows[${i}][${c}]`, "a finite number", row[c]);
      mean[c] = mean[c]! + row[c]! / rows.length;
    }
  }
  for (const row of rows) for (let c = 0; c < columns; c++) deviation[c] = deviation[c]! + (row[c]! - mean[c]!) ** 2 / rows.length;
  for (let c = 0; c < columns; c++) deviation[c] = Math.sqrt(deviation[c]!) || 1;
  return { k, columns, mean, deviation, rows: rows.flatMap(row => Array.from(row, (x, c) => (x - mean[c]!) / deviation[c]!)) };
}

/** Distance of a vector to its k-th nearest in the reference, in deviations. Errors: watch/value. */
export function neighbourDistance({ k, columns, mean, deviation, rows }: NeighbourReference, vector: ArrayLike<number>): number {
  checkValue(vector.length === columns, "vector", `${columns} numbers`, vector.length);
  const z = Float64Array.from({ length: columns }, (_, c) => {
    checkValue(Number.isFinite(vector[c]!), `vector[${c}]`, "a finite number", vector[c]);
    return (vector[c]! - mean[c]!) / deviation[c]!;
  });
  // squared distances of the nearest, rising
  const nearest = new Float64Array(k).fill(Number.POSITIVE_INFINITY);
  for (let at = 0; at < rows.length; at += columns) {
    let sum = 0;
    for (let c = 0; c < columns && sum < nearest[k - 1]!; c++) {
      const off = z[c]! - rows[at + c]!;
      sum += off * off;
    }
    if (sum >= nearest[k - 1]!) continue;
    let place = k - 1;
    for (; place > 0 && nearest[place - 1]! > sum; place--) nearest[place] = nearest[place - 1]!;
    nearest[place] = sum;
  }
  return Math.sqrt(nearest[k - 1]!);
}
