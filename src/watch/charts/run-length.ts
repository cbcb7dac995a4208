/**
 * Average run lengths of control charts on independent normal values: values until the first alarm, where the mean is shifted by `shift` deviations. EWMA and
 * CUSUM by their integral equations (Page 1954; Crowder 1987), by Nyström's method on Gauss and Legendre's nodes; two-sided CUSUM from its sides (Kemp 1971).
 */
import { normalAbove, normalBelow, normalQuantile } from "../../statistics/index.ts";
import { checkSetting } from "../errors.ts";

/** Least and largest run length that a chart can be declared by. */
const bounds = { least: 2, most: 1e9 } as const;

/** Nodes a deviation of the next state: the kernel is smooth, so from here on twice as many change a run length by less than a millionth. */
const nodesPerDeviation = 2;
const nodeRange = { least: 24, most: 512 } as const;
/** `deviations`: the interval of states, in deviations of the next state. */
const nodesFor = (deviations: number): number =>
  Math.min(nodeRange.most, Math.max(nodeRange.least, Math.ceil(16 + nodesPerDeviation * deviations)));

interface Quadrature {
  /** Places in -1 to 1, and the weight of each. */
  readonly at: Float64Array;
  readonly weight: Float64Array;
}

const quadratures = new Map<number, Quadrature>();

/** Gauss and Legendre's rule: zeros of a Legendre polynomial by Newton's method from Chebyshev's (Press et al., Numerical Recipes, 4.6). */
function quadratureOf(n: number): Quadrature {
  const known = quadratures.get(n);
  if (known) return known;
  const [at, weight] = [new Float64Array(n), new Float64Array(n)];
  for (let i = 0; i < n; i++) {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0; step < 20; step++) {
      let [p, before] = [1, 0];
      for (let j = 1; j <= n; j++) [p, before] = [((2 * j - 1) * x * p - (j - 1) * before) / j, p];
      slope = (n * (x * p - before)) / (x * x - 1);
      const by = p / slope;
      x -= by;
      if (Math.abs(by) < 1e-15) break;
    }
    at[i] = x;
    weight[i] = 2 / ((1 - x * x) * slope * slope);
  }
  const found = { at, weight };
  quadratures.set(n, found);
  return found;
}

const normalDensity = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** x of (I - Q) x = 1, by Gaussian elimination with partial pivots; Q [n, n] is overwritten. */
function expectedSteps(q: Float64Array, n: number): Float64Array {
  const a = q;
  const x = new Float64Array(n).fill(1);
  for (let i = 0; i < n * n; i++) a[i] = -a[i]!;
  for (let i = 0; i < n; i++) a[i * n + i] = a[i * n + i]! + 1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]!) > Math.abs(a[pivot * n + k]!)) pivot = i;
    if (pivot !== k) {
      for (let j = k; j < n; j++) {
        const held = a[k * n + j]!;
        a[k * n + j] = a[pivot * n + j]!;
        a[pivot * n + j] = held;
      }
      const held = x[k]!;
      x[k] = x[pivot]!;
      x[pivot] = held;
    }
    for (let i = k + 1; i < n; i++) {
      const factor = a[i * n + k]! / a[k * n + k]!;
      if (factor === 0) continue;
      for (let j = k; j < n; j++) a[i * n + j] = a[i * n + j]! - factor * a[k * n + j]!;
      x[i] = x[i]! - factor * x[k]!;
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    let sum = x[k]!;
    for (let j = k + 1; j < n; j++) sum -= a[k * n + j]! * x[j]!;
    x[k] = sum / a[k * n + k]!;
  }
  return x;
}

/** Of a Shewhart chart with limits at `width` deviations on both sides. */
export const shewhartRunLength = (width: number, shift = 0): number => 1 / (normalAbove(width - shift) + normalBelow(-width - shift));

/**
 * Run lengths L of a chart from its states: L(s) = 1 + sum over the nodes of chance(s, node) L(node). A state with a chance of its own, not a density, is node 0.
 * Gives L of any state.
 */
function runLengthFrom(states: Float64Array, chance: (from: number, node: number) => number): (from: number) => number {
  const n = states.length;
  const q = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) q[i * n + j] = chance(states[i]!, j);
  const steps = expectedSteps(q, n);
  return from => {
    let sum = 1;
    for (let j = 0; j < n; j++) sum += chance(from, j) * steps[j]!;
    return sum;
  };
}

/**
 * Of an EWMA chart with weight `lambda` and constant limits at `width` deviations of the EWMA, from its centre. `isOneSided`: the lower limit holds the EWMA up
 * and alarms nothing.
 */
export function ewmaRunLength(lambda: number, width: number, shift = 0, isOneSided = false, nodes?: number): number {
  checkSetting(lambda > 0 && lambda <= 1, "lambda", "a number above 0, at most 1", lambda);
  checkSetting(width > 0, "width", "a number above 0", width);
  const limit = width * Math.sqrt(lambda / (2 - lambda));
  const { at, weight } = quadratureOf(nodes ?? nodesFor((2 * limit) / lambda));
  const states = Float64Array.from([-limit, ...at.map(x => limit * x)]);
  /** The value that takes the EWMA from one state to another. */
  const valueFor = (from: number, to: number) => (to - (1 - lambda) * from) / lambda - shift;
  return runLengthFrom(states, (from, j) => {
    if (j === 0) return isOneSided ? normalBelow(valueFor(from, -limit)) : 0;
    return (limit / lambda) * weight[j - 1]! * normalDensity(valueFor(from, states[j]!));
  })(0);
}

/** Of one side of a CUSUM with allowance `k` and limit `h`, in deviations, from `start`. */
function oneSided(k: number, h: number, shift: number, start: number, nodes = nodesFor(h)): number {
  const { at, weight } = quadratureOf(nodes);
  // a sum of at most 0 is 0
  const states = Float64Array.from([0, ...at.map(x => (h / 2) * (x + 1))]);
  return runLengthFrom(states, (from, j) => {
    const value = states[j]! - from + k - shift;
    return j === 0 ? normalBelow(value) : (h / 2) * weight[j - 1]! * normalDensity(value);
  })(start);
}

/** Of a two-sided CUSUM from 0. */
export function cusumRunLength(k: number, h: number, shift = 0, nodes?: number): number {
  checkSetting(k >= 0, "k", "a number from 0", k);
  checkSetting(h > 0, "h", "a number above 0", h);
  const up = oneSided(k, h, shift, 0, nodes);
  // in control both sides are alike
  return 1 / (1 / up + 1 / (shift === 0 ? up : oneSided(k, h, -shift, 0, nodes)));
}

/**
 * Of a two-sided CUSUM that starts at `start` on both sides (fast initial response, Lucas and Crosier 1982): exact where the sides cannot both be
 * above 0 for long, as with `start` of at most h / 2.
 */
export function headStartRunLength(k: number, h: number, start: number, shift = 0): number {
  checkSetting(start >= 0 && start <= h / 2, "start", `0 to ${h / 2}, half of h`, start);
  const [up, down] = [oneSided(k, h, shift, 0), oneSided(k, h, -shift, 0)];
  const [upStart, downStart] = [oneSided(k, h, shift, start), oneSided(k, h, -shift, start)];
  return (upStart * down + downStart * up - up * down) / (up + down);
}

/** The setting at which a rising run length reaches `wanted`; `low` and `high` are where it is looked for first. */
function solved(wanted: number, runLength: (setting: number) => number, low: number, high: number): number {
  // run lengths grow like the exponential of the setting or its square: their logarithms are nearly a line
  const logAt = (setting: number) => (setting === 0 ? 0 : Math.log(runLength(setting)));
  let [atLow, atHigh] = [logAt(low), logAt(high)];
  while (atHigh < wanted) {
    [low, atLow] = [high, atHigh];
    high *= 2;
    atHigh = logAt(high);
  }
  while (atLow > wanted) {
    [high, atHigh] = [low, atLow];
    low /= 2;
    atLow = logAt(low);
  }
  while (high - low > 1e-9 * high) {
    // the place of a straight line, kept off the ends: each step takes a tenth of the interval off at least
    const share = Math.min(0.9, Math.max(0.1, (wanted - atLow) / (atHigh - atLow)));
    const middle = low + share * (high - low);
    const at = logAt(middle);
    if (Math.abs(at - wanted) < 1e-7) return middle;
    if (at < wanted) [low, atLow] = [middle, at];
    else [high, atHigh] = [middle, at];
  }
  return high;
}

function settingOf(averageRunLength: number, runLength: (setting: number) => number): number {
  checkSetting(
    averageRunLength >= bounds.least && averageRunLength <= bounds.most,
    "averageRunLength",
    `${bounds.least} to ${bounds.most} values`,
    averageRunLength,
  );
  return solved(Math.log(averageRunLength), runLength, 0, 1);
}

/** Limits of a Shewhart chart, in deviations. Errors: watch/setting. */
export function shewhartWidth(averageRunLength: number): number {
  checkSetting(
    averageRunLength >= bounds.least && averageRunLength <= bounds.most,
    "averageRunLength",
    `${bounds.least} to ${bounds.most} values`,
    averageRunLength,
  );
  return normalQuantile(1 - 1 / (2 * averageRunLength));
}

/** Limits of an EWMA chart, in deviations of the EWMA. Errors: watch/setting. */
export const ewmaWidth = (lambda: number, averageRunLength: number, isOneSided = false): number =>
  settingOf(averageRunLength, width => ewmaRunLength(lambda, width, 0, isOneSided));

/** Limit h of a CUSUM with allowance k. Errors: watch/setting. */
export const cusumLimit = (k: number, averageRunLength: number): number => settingOf(averageRunLength, h => cusumRunLength(k, h));
