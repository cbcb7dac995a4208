/**
 * Linear support-vector machine with squared hinge loss and an L2 penalty, one against the rest, by coordinate descent in the dual (Hsieh et al.
 * 2008, liblinear's solver 1, whose bias is a weight of a column of ones).
 */
import { random } from "../../../base/index.ts";
import type { LinearOptions, LogisticModel } from "./logistic-regression.ts";
import { addTo, dot, type SparseRow } from "./sparse.ts";

export interface SvmOptions extends LinearOptions {
  readonly iterations?: number;
  readonly seed?: number | string;
}

/** w of one class against the rest; the last weight is the bias. */
function oneAgainstRest(
  rows: readonly SparseRow[],
  signs: Float64Array,
  size: number,
  { c = 1, tolerance = 1e-4, iterations = 1000, seed = 1 }: SvmOptions,
): Float64Array {
  const w = new Float64Array(size + 1);
  const n = rows.length;
  const alpha = new Float64Array(n);
  const diagonal = 1 / (2 * c);
  const curvature = Float64Array.from(rows, r => r.values.reduce((s, v) => s + v * v, 0) + 1 + diagonal);
  const draw = random(seed);
  for (let pass = 0; pass < iterations; pass++) {
    let [most, least] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const i of draw.permutation(n)) {
      const row = rows[i]!;
      const gradient = signs[i]! * (dot(row, w) + w[size]!) - 1 + diagonal * alpha[i]!;
      const projected = alpha[i] === 0 ? Math.min(gradient, 0) : gradient;
      most = Math.max(most, projected);
      least = Math.min(least, projected);
      if (Math.abs(projected) < 1e-12) continue;
      const old = alpha[i]!;
      alpha[i] = Math.max(old - gradient / curvature[i]!, 0);
      const change = (alpha[i]! - old) * signs[i]!;
      addTo(w, change, row);
      w[size] = w[size]! + change;
    }
    if (most - least <= tolerance) break;
  }
  return w;
}

/** Labels are 0 to classes - 1; scores are distances, not probabilities. */
export function linearSvm(
  rows: readonly SparseRow[],
  labels: ArrayLike<number>,
  size: number,
  classes: number,
  options: SvmOptions = {},
): LogisticModel {
  const against = (k: number) =>
    oneAgainstRest(
      rows,
      Float64Array.from(rows, (_, i) => (labels[i] === k ? 1 : -1)),
      size,
      options,
    );
  if (classes === 2) {
    const w = against(1);
    return { scores: row => [0, dot(row, w) + w[size]!] };
  }
  const all = Array.from({ length: classes }, (_, k) => against(k));
  return { scores: row => all.map(w => dot(row, w) + w[size]!) };
}
