/**
 * Logistic regression with an L2 penalty, as scikit-learn's (lbfgs): |w|² / 2 + C sum of losses, biases free; one score for two classes, a softmax
 * for more.
 */
import { lbfgs } from "./lbfgs.ts";
import { addTo, dot, type SparseRow } from "./sparse.ts";

/** Scores of a row: one a class. */
export interface LogisticModel {
  scores(row: SparseRow): number[];
}

export interface LinearOptions {
  /** Weight of the losses beside the penalty. */
  readonly c?: number;
  readonly tolerance?: number;
}

/** ln(1 + e^x) without overflow. */
const softplus = (x: number): number => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));

function binary(rows: readonly SparseRow[], labels: ArrayLike<number>, size: number, { c = 1, tolerance }: LinearOptions): Float64Array {
  return lbfgs(
    (w, gradient) => {
      gradient.set(w);
      gradient[size] = 0;
      let value = 0;
      for (let i = 0; i < size; i++) value += w[i]! * w[i]!;
      value /= 2;
      for (const [i, row] of rows.entries()) {
        const score = dot(row, w) + w[size]!;
        const sign = labels[i] === 1 ? 1 : -1;
        value += c * softplus(-sign * score);
        const slope = (-c * sign) / (1 + Math.exp(sign * score));
        addTo(gradient, slope, row);
        gradient[size] = gradient[size]! + slope;
      }
      return value;
    },
    new Float64Array(size + 1),
    tolerance === undefined ? {} : { tolerance },
  );
}

function multinomial(
  rows: readonly SparseRow[],
  labels: ArrayLike<number>,
  size: number,
  classes: number,
  { c = 1, tolerance }: LinearOptions,
): Float64Array {
  const stride = size + 1;
  return lbfgs(
    (w, gradient) => {
      gradient.set(w);
      let value = 0;
      for (let k = 0; k < classes; k++) {
        gradient[k * stride + size] = 0;
        for (let i = 0; i < size; i++) value += w[k * stride + i]! ** 2;
      }
      value /= 2;
      const scores = new Float64Array(classes);
      for (const [i, row] of rows.entries()) {
        let most = Number.NEGATIVE_INFINITY;
        for (let k = 0; k < classes; k++) {
          scores[k] = dot(row, w, k * stride) + w[k * stride + size]!;
          most = Math.max(most, scores[k]!);
        }
        let total = 0;
        for (const s of scores) total += Math.exp(s - most);
        value += c * (most + Math.log(total) - scores[labels[i]!]!);
        for (let k = 0; k < classes; k++) {
          const slope = c * (Math.exp(scores[k]! - most) / total - (k === labels[i] ? 1 : 0));
          addTo(gradient, slope, row, k * stride);
          gradient[k * stride + size] = gradient[k * stride + size]! + slope;
        }
      }
      return value;
    },
    new Float64Array(classes * stride),
    tolerance === undefined ? {} : { tolerance },
  );
}

/** Labels are 0 to classes - 1; scores are logits. */
export function logisticRegression(
  rows: readonly SparseRow[],
  labels: ArrayLike<number>,
  size: number,
  classes: number,
  options: LinearOptions = {},
): LogisticModel {
  if (classes === 2) {
    const w = binary(rows, labels, size, options);
    return { scores: row => [0, dot(row, w) + w[size]!] };
  }
  const w = multinomial(rows, labels, size, classes, options);
  const stride = size + 1;
  return { scores: row => Array.from({ length: classes }, (_, k) => dot(row, w, k * stride) + w[k * stride + size]!) };
}
