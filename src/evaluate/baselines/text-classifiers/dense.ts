/**
 * Logistic regression on dense rows, such as states of a model: the objective of `logistic-regression.ts`, computed four rows at a time, because it is
 * bound by loads. Ridge regression by its normal equations (Hoerl and Kennard 1970).
 */
import { defined } from "../../../base/index.ts";
import { lbfgs } from "./lbfgs.ts";
import type { LinearOptions } from "./logistic-regression.ts";

/** Rows of numbers in one array [count, size]. */
export interface DenseRows {
  readonly values: Float64Array;
  readonly count: number;
  readonly size: number;
}
/** Scores of a row: one a class. */
export interface DenseModel {
  /** [outputs, size + 1]; the last of each is the bias. */
  readonly weights: Float64Array;
  scores(row: ArrayLike<number>): number[];
}
export interface DenseOptions extends LinearOptions {
  readonly iterations?: number;
  /** Weights to start from: those of another penalty. */
  readonly start?: Float64Array;
}

const rowsAtOnce = 4;

/** Scores [4] of four rows from `first` on by the weights at `from`; rows beyond the last repeat it. */
function fourScores({ values, count, size }: DenseRows, first: number, w: Float64Array, from: number, out: Float64Array): void {
  const at = (row: number) => Math.min(count - 1, first + row) * size;
  const [a, b, c, d] = [at(0), at(1), at(2), at(3)];
  const bias = w[from + size]!;
  let [p, q, r, s] = [bias, bias, bias, bias];
  for (let i = 0; i < size; i++) {
    const weight = w[from + i]!;
    p += weight * values[a + i]!;
    q += weight * values[b + i]!;
    r += weight * values[c + i]!;
    s += weight * values[d + i]!;
  }
  out[0] = p;
  out[1] = q;
  out[2] = r;
  out[3] = s;
}

/** Adds the four rows, each times its slope, to the gradient at `to`; slopes of rows beyond the last are 0. */
function addFour({ values, count, size }: DenseRows, first: number, slopes: Float64Array, gradient: Float64Array, to: number): void {
  const at = (row: number) => Math.min(count - 1, first + row) * size;
  const [a, b, c, d] = [at(0), at(1), at(2), at(3)];
  const [p, q, r, s] = [slopes[0]!, slopes[1]!, slopes[2]!, slopes[3]!];
  for (let i = 0; i < size; i++)
    gradient[to + i] = gradient[to + i]! + p * values[a + i]! + q * values[b + i]! + r * values[c + i]! + s * values[d + i]!;
  gradient[to + size] = gradient[to + size]! + p + q + r + s;
}

/** The penalty's value, and its gradient as the start of the whole one; biases are free. */
function penalty(w: Float64Array, gradient: Float64Array, size: number): number {
  const stride = size + 1;
  gradient.set(w);
  let value = 0;
  for (let from = 0; from < w.length; from += stride) {
    gradient[from + size] = 0;
    for (let i = 0; i < size; i++) value += w[from + i]! * w[from + i]!;
  }
  return value / 2;
}

/** Loss of a score of two classes, and its slope. */
function logisticLoss(score: number, label: number): readonly [loss: number, slope: number] {
  const signed = label === 1 ? score : -score;
  const loss = signed > 0 ? Math.log1p(Math.exp(-signed)) : Math.log1p(Math.exp(signed)) - signed;
  return [loss, (label === 1 ? -1 : 1) / (1 + Math.exp(signed))];
}

/** Value of one score for two classes at the weights, its gradient written. */
function binaryObjective(rows: DenseRows, labels: ArrayLike<number>, c: number) {
  const [scores, slopes] = [new Float64Array(rowsAtOnce), new Float64Array(rowsAtOnce)];
  return (w: Float64Array, gradient: Float64Array): number => {
    let value = penalty(w, gradient, rows.size);
    for (let first = 0; first < rows.count; first += rowsAtOnce) {
      fourScores(rows, first, w, 0, scores);
      for (let row = 0; row < rowsAtOnce; row++) {
        const isThere = first + row < rows.count;
        const [loss, slope] = isThere ? logisticLoss(scores[row]!, labels[first + row]!) : [0, 0];
        value += c * loss;
        slopes[row] = c * slope;
      }
      addFour(rows, first, slopes, gradient, 0);
    }
    return value;
  };
}

/** The same of a softmax. */
function softmaxObjective(rows: DenseRows, labels: ArrayLike<number>, classes: number, c: number) {
  const stride = rows.size + 1;
  const all = Array.from({ length: classes }, () => new Float64Array(rowsAtOnce));
  return (w: Float64Array, gradient: Float64Array): number => {
    let value = penalty(w, gradient, rows.size);
    for (let first = 0; first < rows.count; first += rowsAtOnce) {
      for (let k = 0; k < classes; k++) fourScores(rows, first, w, k * stride, all[k]!);
      for (let row = 0; row < rowsAtOnce; row++) {
        const isThere = first + row < rows.count;
        let most = Number.NEGATIVE_INFINITY;
        for (const scores of all) most = Math.max(most, scores[row]!);
        let total = 0;
        for (const scores of all) total += Math.exp(scores[row]! - most);
        if (isThere) value += c * (most + Math.log(total) - all[labels[first + row]!]![row]!);
        for (let k = 0; k < classes; k++) {
          const slope = Math.exp(all[k]![row]! - most) / total - (isThere && labels[first + row] === k ? 1 : 0);
          all[k]![row] = isThere ? c * slope : 0;
        }
      }
      for (let k = 0; k < classes; k++) addFour(rows, first, all[k]!, gradient, k * stride);
    }
    return value;
  };
}

const modelOf = (weights: Float64Array, size: number): DenseModel => {
  const stride = size + 1;
  const outputs = weights.length / stride;
  return {
    weights,
    scores: row =>
      Array.from({ length: outputs }, (_, k) => {
        let score = weights[k * stride + size]!;
        for (let i = 0; i < size; i++) score += weights[k * stride + i]! * row[i]!;
        return score;
      }),
  };
};

/** As `logisticRegression`: labels are 0 to classes - 1, scores are logits. */
export function denseLogisticRegression(
  rows: DenseRows,
  labels: ArrayLike<number>,
  classes: number,
  { c = 1, tolerance, iterations, start }: DenseOptions = {},
): DenseModel {
  const outputs = classes === 2 ? 1 : classes;
  const objective = classes === 2 ? binaryObjective(rows, labels, c) : softmaxObjective(rows, labels, classes, c);
  const given = defined({ tolerance, iterations });
  const model = modelOf(lbfgs(objective, start ?? new Float64Array(outputs * (rows.size + 1)), given), rows.size);
  return classes === 2 ? { ...model, scores: row => [0, model.scores(row)[0]!] } : model;
}

/** Sums of products of columns [size, size], and of columns and targets [size]: what ridge regressions of any penalty share. */
function products({ values, count, size }: DenseRows, targets: ArrayLike<number>): { gram: Float64Array; moments: Float64Array } {
  const [gram, moments] = [new Float64Array(size * size), new Float64Array(size)];
  for (let row = 0; row < count; row++)
    for (let i = 0; i < size; i++) {
      const x = values[row * size + i]!;
      moments[i] = moments[i]! + x * targets[row]!;
      for (let j = 0; j <= i; j++) gram[i * size + j] = gram[i * size + j]! + x * values[row * size + j]!;
    }
  return { gram, moments };
}

/** The solution x of A x = b for a symmetric positive definite A, of which the lower half is read and overwritten (Cholesky). */
function solved(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const x = b.slice();
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / a[j * n + j]!;
    }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] = x[i]! - a[i * n + k]! * x[k]!;
    x[i] = x[i]! / a[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] = x[i]! - a[k * n + i]! * x[k]!;
    x[i] = x[i]! / a[i * n + i]!;
  }
  return x;
}

/** Ridge regressions |y - Xw - b|² + alpha |w|² (scikit-learn's), one an alpha; the bias is free. Columns must have the mean 0. */
export function ridgeRegressions(rows: DenseRows, targets: ArrayLike<number>, alphas: readonly number[]): DenseModel[] {
  let bias = 0;
  for (let i = 0; i < rows.count; i++) bias += targets[i]! / rows.count;
  const { gram, moments } = products(
    rows,
    Float64Array.from({ length: rows.count }, (_, i) => targets[i]! - bias),
  );
  return alphas.map(alpha => {
    const a = gram.slice();
    for (let i = 0; i < rows.size; i++) a[i * rows.size + i] = a[i * rows.size + i]! + alpha;
    const weights = new Float64Array(rows.size + 1).fill(bias);
    weights.set(solved(a, moments));
    return modelOf(weights, rows.size);
  });
}
