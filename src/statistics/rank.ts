/** Correlation of two lists. */
import { checkArgument } from "./errors.ts";
import { counter, levelsOf } from "./levels.ts";

/** Ranks from 1; equal values share the mean of theirs. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Float64Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const out = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) out[order[i]!] = (from + 1 + to) / 2;
    from = to;
  }
  return out;
}

/** Pearson's correlation; NaN where a side does not vary. Errors: statistics/argument. */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const n = x.length;
  checkArgument(n > 1, "x", "two values or more", n);
  checkArgument(y.length === n, "y", `${n} values, as x has`, y.length);
  let [meanX, meanY] = [0, 0];
  for (let i = 0; i < n; i++) {
    meanX += x[i]! / n;
    meanY += y[i]! / n;
  }
  let [xy, xx, yy] = [0, 0, 0];
  let [variesX, variesY] = [false, false];
  for (let i = 0; i < n; i++) {
    const [a, b] = [x[i]! - meanX, y[i]! - meanY];
    xy += a * b;
    xx += a * a;
    yy += b * b;
    // the mean of equal values may differ from them in its last bit
    variesX ||= x[i] !== x[0];
    variesY ||= y[i] !== y[0];
  }
  return !variesX || !variesY || xx === 0 || yy === 0 ? Number.NaN : xy / Math.sqrt(xx * yy);
}

/** Spearman's rank correlation (1904). */
export const spearman = (x: ArrayLike<number>, y: ArrayLike<number>): number => pearson(ranks(x), ranks(y));

/** A correlation of the pairs at some places, with repetitions: what a bootstrap asks for. NaN where a side does not vary. Errors: statistics/argument. */
export type DrawnCorrelation = (at: ArrayLike<number>) => number;

function picked(values: ArrayLike<number>): (at: ArrayLike<number>) => Float64Array {
  return at => {
    const out = new Float64Array(at.length);
    for (let i = 0; i < at.length; i++) out[i] = values[at[i]!]!;
    return out;
  };
}

/** `ranks` of the values at some places, n + levels steps. */
function ranksAt(values: ArrayLike<number>): (at: ArrayLike<number>) => Float64Array {
  const levels = levelsOf(values);
  const count = counter(levels);
  const rank = new Float64Array(levels.values.length);
  return at => {
    const counts = count(at);
    for (let l = 0, below = 0; l < rank.length; below += counts[l++]!) rank[l] = (2 * below + 1 + counts[l]!) / 2;
    const out = new Float64Array(at.length);
    for (let i = 0; i < at.length; i++) out[i] = rank[levels.of[at[i]!]!]!;
    return out;
  };
}

/** Pearson's correlation of draws of these pairs. */
export const drawnPearson = (x: ArrayLike<number>, y: ArrayLike<number>): DrawnCorrelation => {
  const [xs, ys] = [picked(x), picked(y)];
  return at => pearson(xs(at), ys(at));
};

/** Spearman's correlation of draws of these pairs. */
export const drawnSpearman = (x: ArrayLike<number>, y: ArrayLike<number>): DrawnCorrelation => {
  const [xs, ys] = [ranksAt(x), ranksAt(y)];
  return at => pearson(xs(at), ys(at));
};
