/** Tests of two samples of vectors: maximum mean discrepancy, and a classifier that tries to tell them apart. */
import { random } from "../../base/index.ts";
import { normalAbove } from "../distributions.ts";
import { checkArgument } from "../errors.ts";
import { cholesky, solveTriangular } from "../linear.ts";
import { ranks } from "../rank.ts";
import { type PermutationOptions, permuted, type TwoSampleTest } from "./samples.ts";

/** Rows of [rows, columns], one after another. */
export interface Vectors {
  readonly values: ArrayLike<number>;
  readonly columns: number;
}

/** Pooled rows whose kernel matrix is kept: 32 MB. Larger samples are drawn from by whoever asks. */
const mostRows = 2000;

function rowsOf({ values, columns }: Vectors, place: string): number {
  checkArgument(Number.isInteger(columns) && columns >= 1, `${place}.columns`, "a whole number from 1", columns);
  const rows = values.length / columns;
  checkArgument(Number.isInteger(rows) && rows >= 2, place, `two rows of ${columns} numbers or more`, `${values.length} numbers`);
  for (let i = 0; i < values.length; i++) checkArgument(Number.isFinite(values[i]!), `${place}[${i}]`, "a finite number", values[i]);
  return rows;
}

function squaredDistances(x: Vectors, y: Vectors, n: number, m: number): Float64Array {
  checkArgument(y.columns === x.columns, "y.columns", `${x.columns}, as x has`, y.columns);
  checkArgument(n + m <= mostRows, "x, y", `at most ${mostRows} rows together; draw some of them`, n + m);
  const rows = n + m;
  const d = x.columns;
  const pooled = new Float64Array(rows * d);
  for (let i = 0; i < n * d; i++) pooled[i] = x.values[i]!;
  for (let i = 0; i < m * d; i++) pooled[n * d + i] = y.values[i]!;
  const out = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let k = 0; k < d; k++) {
        const step = pooled[i * d + k]! - pooled[j * d + k]!;
        sum += step * step;
      }
      out[i * rows + j] = sum;
      out[j * rows + i] = sum;
    }
  return out;
}

/** Median of the squared distances between rows of the reference: the bandwidth depends on nothing that is tested. */
function medianSquared(squared: Float64Array, rows: number, n: number): number {
  const own = new Float64Array((n * (n - 1)) / 2);
  let at = 0;
  for (let i = 1; i < n; i++) for (let j = 0; j < i; j++) own[at++] = squared[i * rows + j]!;
  own.sort();
  const middle = own[own.length >> 1]!;
  return middle > 0 ? middle : (own.find(v => v > 0) ?? 1);
}

export interface DiscrepancyOptions extends PermutationOptions {
  /** Width s of the kernel exp(-|x - y|² / (2 s²)). Default: from the median distance of the reference's rows. */
  readonly bandwidth?: number;
}

/**
 * Maximum mean discrepancy of a reference x and y (Gretton and others 2012, lemma 6): the unbiased squared estimate with a Gaussian kernel, which can
 * be negative, and its permutation p-value. At most 2,000 rows together. Errors: statistics/argument.
 */
export function meanDiscrepancy(x: Vectors, y: Vectors, { bandwidth, draws = 199, seed = 1 }: DiscrepancyOptions = {}): TwoSampleTest {
  const [n, m] = [rowsOf(x, "x"), rowsOf(y, "y")];
  const rows = n + m;
  const kernel = squaredDistances(x, y, n, m);
  checkArgument(bandwidth === undefined || bandwidth > 0, "bandwidth", "a number above 0", bandwidth);
  const scale = bandwidth === undefined ? medianSquared(kernel, rows, n) : 2 * bandwidth * bandwidth;
  let all = 0;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++) {
      const at = i * rows + j;
      kernel[at] = i === j ? 0 : Math.exp(-kernel[at]! / scale);
      all += kernel[at]!;
    }
  const rowSums = new Float64Array(rows);
  for (let i = 0; i < rows; i++) for (let j = 0; j < rows; j++) rowSums[i] = rowSums[i]! + kernel[i * rows + j]!;
  const first = new Uint32Array(n);
  const statistic = (isFirst: Uint8Array): number => {
    let [count, touching, within] = [0, 0, 0];
    for (let i = 0; i < rows; i++)
      if (isFirst[i]) {
        first[count++] = i;
        touching += rowSums[i]!;
      }
    for (let a = 0; a < n; a++) {
      const row = first[a]! * rows;
      for (let b = 0; b < a; b++) within += 2 * kernel[row + first[b]!]!;
    }
    const across = touching - within;
    const others = all - within - 2 * across;
    return within / (n * (n - 1)) + others / (m * (m - 1)) - (2 * across) / (n * m);
  };
  return permuted(n, m, statistic, { draws, seed });
}

export interface ClassifierTest {
  /** Held-out area under the ROC curve: 0.5 where the two cannot be told apart. */
  readonly auc: number;
  /** One-sided, for an area above 0.5 (Mann-Whitney, ties counted). Never 0. */
  readonly p: number;
}

/**
 * Classifier two-sample test (Lopez-Paz and Oquab 2017): a ridge logistic regression learns which sample a row is of, and is judged on rows that it has not
 * seen, in `folds` parts. Vectors of all columns, standardised. Errors: statistics/argument.
 */
export function classifierTwoSample(
  x: Vectors,
  y: Vectors,
  { folds = 2, seed = 1, ridge = 1 }: { readonly folds?: number; readonly seed?: number | string; readonly ridge?: number } = {},
): ClassifierTest {
  const [n, m] = [rowsOf(x, "x"), rowsOf(y, "y")];
  checkArgument(y.columns === x.columns, "y.columns", `${x.columns}, as x has`, y.columns);
  checkArgument(Number.isInteger(folds) && folds >= 2 && folds <= Math.min(n, m), "folds", `2 to ${Math.min(n, m)}`, folds);
  checkArgument(ridge > 0, "ridge", "a number above 0", ridge);
  const d = x.columns;
  const value = (row: number, k: number): number => (row < n ? x.values[row * d + k]! : y.values[(row - n) * d + k]!);
  const draw = random(seed);
  const foldOf = new Uint8Array(n + m);
  // both samples have their share in each part
  for (const [from, count] of [
    [0, n],
    [n, m],
  ] as const)
    for (const [at, i] of draw.permutation(count).entries()) foldOf[from + i] = at % folds;
  // each part has a model of its own, whose scores are compared within the part
  let [u, mean, variance] = [0, 0, 0];
  let pairs = 0;
  for (let fold = 0; fold < folds; fold++) {
    const train = Array.from(foldOf.keys()).filter(i => foldOf[i] !== fold);
    const test = Array.from(foldOf.keys()).filter(i => foldOf[i] === fold);
    const weights = logisticRegression(train, d, value, row => (row < n ? 0 : 1), ridge);
    const scores = test.map(row => weights.score(row));
    const place = ranks(scores);
    const second = test.filter(row => row >= n).length;
    const [a, b] = [test.length - second, second];
    let rankSum = 0;
    for (const [i, row] of test.entries()) if (row >= n) rankSum += place[i]!;
    u += rankSum - (b * (b + 1)) / 2;
    mean += (a * b) / 2;
    pairs += a * b;
    const total = a + b;
    const sizes = new Map<number, number>();
    for (const r of place) sizes.set(r, (sizes.get(r) ?? 0) + 1);
    let ties = 0;
    for (const t of sizes.values()) ties += t ** 3 - t;
    variance += ((a * b) / 12) * (total + 1 - ties / (total * (total - 1)));
  }
  const p = variance > 0 ? normalAbove((u - 0.5 - mean) / Math.sqrt(variance)) : 1;
  return { auc: u / pairs, p: Math.max(Number.MIN_VALUE, p) };
}

/** Newton's method on the penalised likelihood; columns are standardised by the training rows, the constant is not penalised. */
function logisticRegression(
  rows: readonly number[],
  d: number,
  value: (row: number, k: number) => number,
  label: (row: number) => 0 | 1,
  ridge: number,
): { score(row: number): number } {
  const mean = new Float64Array(d);
  const scale = new Float64Array(d);
  for (let k = 0; k < d; k++) {
    let [sum, squares] = [0, 0];
    for (const row of rows) sum += value(row, k) / rows.length;
    for (const row of rows) squares += (value(row, k) - sum) ** 2 / rows.length;
    mean[k] = sum;
    scale[k] = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  }
  const size = d + 1;
  const feature = (row: number, k: number): number => (k === d ? 1 : (value(row, k) - mean[k]!) * scale[k]!);
  const weights = new Float64Array(size);
  const score = (row: number): number => {
    let sum = 0;
    for (let k = 0; k < size; k++) sum += weights[k]! * feature(row, k);
    return sum;
  };
  const features = new Float64Array(size);
  for (let iteration = 0; iteration < 25; iteration++) {
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    for (const row of rows) {
      for (let k = 0; k < size; k++) features[k] = feature(row, k);
      const p = 1 / (1 + Math.exp(-score(row)));
      const weight = Math.max(p * (1 - p), 1e-9);
      for (let i = 0; i < size; i++) {
        gradient[i] = gradient[i]! + (label(row) - p) * features[i]!;
        for (let j = 0; j <= i; j++) hessian[i * size + j] = hessian[i * size + j]! + weight * features[i]! * features[j]!;
      }
    }
    for (let i = 0; i < size; i++) {
      if (i < d) gradient[i] = gradient[i]! - ridge * weights[i]!;
      hessian[i * size + i] = hessian[i * size + i]! + (i < d ? ridge : 1e-9);
      for (let j = 0; j < i; j++) hessian[j * size + i] = hessian[i * size + j]!;
    }
    const lower = cholesky(hessian, size);
    if (!lower) break;
    const step = solveTriangular(lower, solveTriangular(lower, gradient), true);
    let largest = 0;
    for (let k = 0; k < size; k++) {
      weights[k] = weights[k]! + step[k]!;
      largest = Math.max(largest, Math.abs(step[k]!));
    }
    if (largest < 1e-8) break;
  }
  return { score };
}
