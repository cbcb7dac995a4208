/**
 * Average run lengths of control charts on independent normal values: values until the first alarm, where the mean is shifted by `shift` deviations. EWMA and
 * CUSUM by a Markov chain (Brook and Evans 1972); two-sided CUSUM from its sides (Kemp 1971).
 */
import { normalAbove, normalBelow, normalQuantile } from "../../statistics/index.ts";
import { checkSetting } from "../errors.ts";

/** Cells that an interval of states is cut into; twice as many change a run length by less than a thousandth. */
const fineCells = 161;
/** Enough to be near a setting: a solution takes a sixtieth of the time. */
const coarseCells = 41;

/** Least and largest run length that a chart can be declared by. */
const bounds = { least: 2, most: 1e9 } as const;

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

const between = (low: number, high: number): number =>
  low > 0 ? normalAbove(low) - normalAbove(high) : normalBelow(high) - normalBelow(low);

/** Of a Shewhart chart with limits at `width` deviations on both sides. */
export const shewhartRunLength = (width: number, shift = 0): number => 1 / (normalAbove(width - shift) + normalBelow(-width - shift));

/**
 * Of an EWMA chart with weight `lambda` and constant limits at `width` deviations of the EWMA, from its centre. `isOneSided`: the lower limit holds the EWMA up
 * and alarms nothing.
 */
export function ewmaRunLength(lambda: number, width: number, shift = 0, isOneSided = false, cells = fineCells): number {
  checkSetting(lambda > 0 && lambda <= 1, "lambda", "a number above 0, at most 1", lambda);
  checkSetting(width > 0, "width", "a number above 0", width);
  const limit = width * Math.sqrt(lambda / (2 - lambda));
  const size = (2 * limit) / cells;
  const middle = (i: number) => -limit + (i + 0.5) * size;
  const q = new Float64Array(cells * cells);
  for (let i = 0; i < cells; i++) {
    // edges of the next state's cells: lambda x + (1 - lambda) middle(i)
    const edge = (j: number) => (middle(j) - size / 2 - (1 - lambda) * middle(i)) / lambda - shift;
    let low = edge(0);
    for (let j = 0; j < cells; j++) {
      const high = edge(j + 1);
      q[i * cells + j] = isOneSided && j === 0 ? normalBelow(high) : between(low, high);
      low = high;
    }
  }
  return expectedSteps(q, cells)[(cells - 1) / 2]!;
}

/** Of one side of a CUSUM with allowance `k` and limit `h`, in deviations, from `start`. */
function oneSided(k: number, h: number, shift: number, start: number, cells = fineCells): number {
  // state 0 stands for a sum of at most 0 and half a cell above it
  const size = h / (cells - 0.5);
  const q = new Float64Array(cells * cells);
  // chances depend on how many cells the sum moves
  const moved = (by: number): number => by * size + k - shift;
  const into = Float64Array.from({ length: 2 * cells - 1 }, (_, i) => {
    const at = moved(i - cells + 1);
    return between(at - size / 2, at + size / 2);
  });
  const toZero = Float64Array.from({ length: cells }, (_, i) => normalBelow(moved(-i) + size / 2));
  for (let i = 0; i < cells; i++) for (let j = 0; j < cells; j++) q[i * cells + j] = j === 0 ? toZero[i]! : into[j - i + cells - 1]!;
  const steps = expectedSteps(q, cells);
  const place = start / size;
  const below = Math.min(cells - 1, Math.floor(place));
  const above = Math.min(cells - 1, below + 1);
  return steps[below]! + (place - below) * (steps[above]! - steps[below]!);
}

/** Of a two-sided CUSUM from 0. */
export function cusumRunLength(k: number, h: number, shift = 0, cells = fineCells): number {
  checkSetting(k >= 0, "k", "a number from 0", k);
  checkSetting(h > 0, "h", "a number above 0", h);
  const up = oneSided(k, h, shift, 0, cells);
  // in control both sides are alike
  return 1 / (1 / up + 1 / (shift === 0 ? up : oneSided(k, h, -shift, 0, cells)));
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
  while (high - low > 1e-6 * high) {
    // the place of a straight line, kept off the ends: each step takes a tenth of the interval off at least
    const share = Math.min(0.9, Math.max(0.1, (wanted - atLow) / (atHigh - atLow)));
    const middle = low + share * (high - low);
    const at = logAt(middle);
    if (Math.abs(at - wanted) < 1e-4) return middle;
    if (at < wanted) [low, atLow] = [middle, at];
    else [high, atHigh] = [middle, at];
  }
  return high;
}

/** The setting at which a rising run length reaches `averageRunLength`: found in few cells first, which costs little, and made exact near there. */
function settingOf(averageRunLength: number, runLength: (setting: number, cells: number) => number): number {
  checkSetting(
    averageRunLength >= bounds.least && averageRunLength <= bounds.most,
    "averageRunLength",
    `${bounds.least} to ${bounds.most} values`,
    averageRunLength,
  );
  const wanted = Math.log(averageRunLength);
  const near = solved(wanted, s => runLength(s, coarseCells), 0, 1);
  return solved(wanted, s => runLength(s, fineCells), 0.99 * near, 1.01 * near);
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
  settingOf(averageRunLength, (width, cells) => ewmaRunLength(lambda, width, 0, isOneSided, cells));

/** Limit h of a CUSUM with allowance k. Errors: watch/setting. */
export const cusumLimit = (k: number, averageRunLength: number): number =>
  settingOf(averageRunLength, (h, cells) => cusumRunLength(k, h, 0, cells));
