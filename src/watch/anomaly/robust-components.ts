/**
 * Robust principal components of metric vectors: a table of vectors as a low-rank part, which metrics do together, and a sparse part, which single metrics did
 * on their own (principal component pursuit: Candès, Li, Ma and Wright 2011, solved by inexact augmented Lagrange multipliers: Lin, Chen and Ma 2010).
 * Outliers in the reference do not bend the components, and a new vector is judged by what the components leave of it.
 */
import { quantile } from "../../statistics/index.ts";
import { checkSetting, checkValue } from "../errors.ts";

/** Matrices row by row. */
type Matrix = readonly Float64Array[];

/** Eigenvalues and vectors (rows) of a symmetric matrix, largest first, by Jacobi's rotations. */
function symmetricEigen(given: Matrix): { readonly values: Float64Array; readonly vectors: Matrix } {
  const n = given.length;
  const a = given.map(row => Float64Array.from(row));
  const v = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let [off, all] = [0, 0];
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        all += a[i]![j]! ** 2;
        if (i !== j) off += a[i]![j]! ** 2;
      }
    if (off <= 1e-26 * all) break;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (a[p]![q] === 0) continue;
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[k]![p]!, a[k]![q]!];
          a[k]![p] = c * x - s * y;
          a[k]![q] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[p]![k]!, a[q]![k]!];
          a[p]![k] = c * x - s * y;
          a[q]![k] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const [x, y] = [v[p]![k]!, v[q]![k]!];
          v[p]![k] = c * x - s * y;
          v[q]![k] = s * x + c * y;
        }
      }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j]![j]! - a[i]![i]!);
  return { values: Float64Array.from(order, i => a[i]![i]!), vectors: order.map(i => v[i]!) };
}

/** Right singular vectors of a table, and the squares of its singular values. */
function rightSingular(table: Matrix): { readonly values: Float64Array; readonly vectors: Matrix } {
  const d = table[0]!.length;
  const gram = Array.from({ length: d }, () => new Float64Array(d));
  for (const row of table) for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) gram[i]![j] = gram[i]![j]! + row[i]! * row[j]!;
  return symmetricEigen(gram);
}

/** Singular values of the table less `by`, and what is then below 0 gone. */
function shrinkSingular(table: Matrix, by: number): Matrix {
  const { values, vectors } = rightSingular(table);
  // A V diag(1 - by / s) V'
  const kept = vectors.flatMap((vector, i) => {
    const s = Math.sqrt(Math.max(0, values[i]!));
    return s > by ? [{ vector, share: 1 - by / s }] : [];
  });
  return table.map(row => {
    const out = new Float64Array(row.length);
    for (const { vector, share } of kept) {
      let along = 0;
      for (let k = 0; k < row.length; k++) along += row[k]! * vector[k]!;
      for (let k = 0; k < row.length; k++) out[k] = out[k]! + share * along * vector[k]!;
    }
    return out;
  });
}

const shrink = (x: number, by: number): number => (x > by ? x - by : x < -by ? x + by : 0);

/** A table [rows][columns] as low-rank and sparse parts. Errors: watch/value. */
export function componentPursuit(
  table: readonly ArrayLike<number>[],
  { tolerance = 1e-7, most = 500 }: { readonly tolerance?: number; readonly most?: number } = {},
): { readonly lowRank: Matrix; readonly sparse: Matrix } {
  const rows = table.map(row => Float64Array.from(row));
  const [n, d] = [rows.length, rows[0]?.length ?? 0];
  checkSetting(n >= 2 && d >= 2, "table", "two rows and two columns or more", `${n} and ${d}`);
  for (const [i, row] of rows.entries()) {
    checkValue(row.length === d, `table[${i}]`, `${d} numbers`, row.length);
    for (const [k, x] of row.entries()) checkValue(Number.isFinite(x), `table[${i}][${k}]`, "a finite number", x);
  }
  const lambda = 1 / Math.sqrt(Math.max(n, d));
  const spectral = Math.sqrt(rightSingular(rows).values[0]!);
  const norm = Math.sqrt(rows.reduce((sum, row) => sum + row.reduce((s, x) => s + x * x, 0), 0));
  const zeros = () => rows.map(() => new Float64Array(d));
  if (norm === 0) return { lowRank: zeros(), sparse: zeros() };
  const greatest = rows.reduce((most, row) => Math.max(most, ...row.map(Math.abs)), 0);
  const dual = Math.max(spectral, greatest / lambda);
  const multipliers = rows.map(row => row.map(x => x / dual));
  let mu = 1.25 / spectral;
  let sparse = zeros();
  let lowRank: Matrix = zeros();
  for (let step = 0; step < most; step++) {
    lowRank = shrinkSingular(
      rows.map((row, i) => row.map((x, k) => x - sparse[i]![k]! + multipliers[i]![k]! / mu)),
      1 / mu,
    );
    sparse = rows.map((row, i) => row.map((x, k) => shrink(x - lowRank[i]![k]! + multipliers[i]![k]! / mu, lambda / mu)));
    let left = 0;
    for (let i = 0; i < n; i++)
      for (let k = 0; k < d; k++) {
        const gap = rows[i]![k]! - lowRank[i]![k]! - sparse[i]![k]!;
        multipliers[i]![k] = multipliers[i]![k]! + mu * gap;
        left += gap * gap;
      }
    if (Math.sqrt(left) <= tolerance * norm) break;
    mu = Math.min(mu * 1.5, 1e7 / spectral);
  }
  return { lowRank, sparse };
}

/** Components of a reference, and how far its own vectors lie from them. Plain data. */
export interface RobustComponents {
  /** Medians of the columns, and their median absolute deviations (1 for a column that hardly varies). */
  readonly centre: readonly number[];
  readonly scale: readonly number[];
  /** Orthonormal [components][columns]. */
  readonly components: readonly (readonly number[])[];
  /** Directions of what components leave, orthonormal [columns - components][columns], and the deviation of each: what is small in the reference counts as much. */
  readonly rest: readonly (readonly number[])[];
  readonly deviations: readonly number[];
  /** Distances of the reference's vectors, rising: a new distance is judged by its rank. */
  readonly distances: readonly number[];
}

/** Least deviation of a direction, beside that of a column: what is left of rounding is none. */
const leastDeviation = 1e-3;
const normalMad = 1.4826;

const median = (values: number[]): number => quantile(Float64Array.from(values).sort(), 0.5);
const standardised = ({ centre, scale }: Pick<RobustComponents, "centre" | "scale">, row: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: centre.length }, (_, k) => (row[k]! - centre[k]!) / scale[k]!);

function leftOver(components: readonly ArrayLike<number>[], z: Float64Array): Float64Array {
  const out = Float64Array.from(z);
  for (const vector of components) {
    let along = 0;
    for (let k = 0; k < z.length; k++) along += z[k]! * vector[k]!;
    for (let k = 0; k < z.length; k++) out[k] = out[k]! - along * vector[k]!;
  }
  return out;
}

const along = (vector: ArrayLike<number>, z: ArrayLike<number>): number => {
  let sum = 0;
  for (let k = 0; k < z.length; k++) sum += z[k]! * vector[k]!;
  return sum;
};

/** Directions of what components leave of a table, and their deviations. Outliers count as if three deviations off. */
function restOf(table: Matrix, components: readonly ArrayLike<number>[]): Pick<RobustComponents, "rest" | "deviations"> {
  const d = table[0]!.length;
  const left = table.map(z => leftOver(components, z));
  const most = Array.from({ length: d }, (_, k) => 3 * normalMad * median(left.map(row => Math.abs(row[k]!))));
  const clipped = left.map(row =>
    leftOver(
      components,
      row.map((x, k) => Math.max(-most[k]!, Math.min(most[k]!, x))),
    ),
  );
  const rest = rightSingular(clipped)
    .vectors.slice(0, d - components.length)
    .map(v => Array.from(v));
  const deviations = rest.map(v => Math.max(leastDeviation, normalMad * median(left.map(row => Math.abs(along(v, row))))));
  return { rest, deviations };
}

/** Learns from vectors [rows][columns], some of which may be anomalies. `share`: of the low-rank part's variance that components keep. Errors: watch/setting, watch/value. */
export function robustComponents(rows: readonly ArrayLike<number>[], share = 0.95): RobustComponents {
  checkSetting(rows.length >= 8, "rows", "eight vectors or more", rows.length);
  checkSetting(share > 0 && share < 1, "share", "a number between 0 and 1", share);
  const d = rows[0]!.length;
  const centre = Array.from({ length: d }, (_, k) => median(rows.map(row => row[k]!)));
  const scale = centre.map((c, k) => 1.4826 * median(rows.map(row => Math.abs(row[k]! - c))) || 1);
  const table = rows.map(row => standardised({ centre, scale }, row));
  const { lowRank } = componentPursuit(table);
  const { values, vectors } = rightSingular(lowRank);
  const all = values.reduce((sum, v) => sum + Math.max(0, v), 0);
  let [kept, sum] = [0, 0];
  while (kept < d - 1 && sum < share * all) sum += Math.max(0, values[kept++]!);
  const components = vectors.slice(0, kept).map(v => Array.from(v));
  const rest = restOf(table, components);
  const distances = table.map(z => whitened(rest, leftOver(components, z)).distance).sort((a, b) => a - b);
  return { centre, scale, components, ...rest, distances };
}

/** Length of what is left in the deviations of its directions, and the column whose shift alone would explain most of it. */
function whitened(
  { rest, deviations }: Pick<RobustComponents, "rest" | "deviations">,
  left: ArrayLike<number>,
): { readonly distance: number; readonly column: number } {
  const [gradient, own] = [new Float64Array(left.length), new Float64Array(left.length)];
  let sum = 0;
  for (const [i, vector] of rest.entries()) {
    const [part, information] = [along(vector, left), 1 / deviations[i]! ** 2];
    sum += part * part * information;
    for (let k = 0; k < left.length; k++) {
      gradient[k] = gradient[k]! + part * information * vector[k]!;
      own[k] = own[k]! + information * vector[k]! ** 2;
    }
  }
  let [column, most] = [0, -1];
  for (let k = 0; k < left.length; k++) {
    const explained = own[k]! > 0 ? gradient[k]! ** 2 / own[k]! : 0;
    if (explained > most) [most, column] = [explained, k];
  }
  return { distance: Math.sqrt(sum), column };
}

export interface ComponentDistance {
  /** What the components leave of the vector, in the deviations of its directions. */
  readonly distance: number;
  /** Share of vectors at least as far, the reference's and this one: never 0. */
  readonly p: number;
  /** Column whose shift alone explains most of the distance. */
  readonly column: number;
}

/** Errors: watch/value. */
export function componentDistance(model: RobustComponents, vector: ArrayLike<number>): ComponentDistance {
  checkValue(vector.length === model.centre.length, "vector", `${model.centre.length} numbers`, vector.length);
  for (let k = 0; k < vector.length; k++) checkValue(Number.isFinite(vector[k]!), `vector[${k}]`, "a finite number", vector[k]);
  const { distance, column } = whitened(model, leftOver(model.components, standardised(model, vector)));
  const farther = model.distances.filter(own => own >= distance).length;
  return { distance, p: (farther + 1) / (model.distances.length + 1), column };
}
