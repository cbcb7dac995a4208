/** Limited-memory BFGS (Liu & Nocedal 1989; Nocedal & Wright 2006, algorithms 7.4, 7.5) with a line search for the strong Wolfe conditions (3.5, 3.6). */

/** Value at x, its gradient written into `gradient`. */
type LbfgsObjective = (x: Float64Array, gradient: Float64Array) => number;
interface LbfgsOptions {
  readonly pairs?: number;
  readonly iterations?: number;
  /** Greatest element of the gradient at which it ends. */
  readonly tolerance?: number;
}

const product = (a: Float64Array, b: Float64Array): number => {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i]! * b[i]!;
  return s;
};
const greatestOf = (g: Float64Array): number => {
  let most = 0;
  for (const v of g) most = Math.max(most, Math.abs(v));
  return most;
};

interface Point {
  readonly x: Float64Array;
  readonly gradient: Float64Array;
  readonly value: number;
}

/** Along a descent direction: a step that lowers the value enough and flattens the slope. */
function lineSearch(f: LbfgsObjective, from: Point, direction: Float64Array, first: number): Point {
  const slope0 = product(from.gradient, direction);
  const [enough, flat] = [1e-4, 0.9];
  const at = (step: number): Point & { readonly step: number; readonly slope: number } => {
    const x = from.x.map((v, i) => v + step * direction[i]!);
    const gradient = new Float64Array(x.length);
    const value = f(x, gradient);
    return { x, gradient, value, step, slope: product(gradient, direction) };
  };
  const zoom = (low: ReturnType<typeof at>, high: ReturnType<typeof at>): Point => {
    for (let i = 0; i < 40; i++) {
      // the quadratic through value and slope of the low end, kept off both ends
      const width = high.step - low.step;
      const bend = 2 * (high.value - low.value - low.slope * width);
      const guess = bend > 0 ? (-low.slope * width) / bend : 0.5;
      const middle = at(low.step + width * Math.min(0.9, Math.max(0.1, guess)));
      if (middle.value > from.value + enough * middle.step * slope0 || middle.value >= low.value) high = middle;
      else {
        if (Math.abs(middle.slope) <= -flat * slope0) return middle;
        if (middle.slope * width >= 0) high = low;
        low = middle;
      }
    }
    return low;
  };
  let before = { ...from, step: 0, slope: slope0 };
  let next = at(first);
  for (let i = 0; i < 30; i++) {
    if (!(next.value <= from.value + enough * next.step * slope0) || (i > 0 && next.value >= before.value)) return zoom(before, next);
    if (Math.abs(next.slope) <= -flat * slope0) return next;
    if (next.slope >= 0) return zoom(next, before);
    before = next;
    next = at(2 * next.step);
  }
  return next;
}

/** The minimum from `start`. */
export function lbfgs(
  f: LbfgsObjective,
  start: Float64Array,
  { pairs = 10, iterations = 1000, tolerance = 1e-5 }: LbfgsOptions = {},
): Float64Array {
  const gradient = new Float64Array(start.length);
  let here: Point = { x: start, gradient, value: f(start, gradient) };
  const memory: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let i = 0; i < iterations && greatestOf(here.gradient) > tolerance; i++) {
    const direction = here.gradient.map(v => -v);
    const alphas: number[] = [];
    for (const { s, y, rho } of [...memory].reverse()) {
      const alpha = rho * product(s, direction);
      alphas.push(alpha);
      for (let k = 0; k < direction.length; k++) direction[k] = direction[k]! - alpha * y[k]!;
    }
    const newest = memory.at(-1);
    const scale = newest ? 1 / (newest.rho * product(newest.y, newest.y)) : 1;
    for (let k = 0; k < direction.length; k++) direction[k] = direction[k]! * scale;
    for (const { s, y, rho } of memory) {
      const beta = alphas.pop()! - rho * product(y, direction);
      for (let k = 0; k < direction.length; k++) direction[k] = direction[k]! + beta * s[k]!;
    }
    const next = lineSearch(f, here, direction, newest ? 1 : Math.min(1, 1 / Math.sqrt(product(here.gradient, here.gradient))));
    // no step lowers it any more: as near as these numbers come
    if (!(next.value < here.value)) break;
    const s = next.x.map((v, k) => v - here.x[k]!);
    const y = next.gradient.map((v, k) => v - here.gradient[k]!);
    const curvature = product(s, y);
    if (curvature > 0) {
      memory.push({ s, y, rho: 1 / curvature });
      if (memory.length > pairs) memory.shift();
    }
    here = next;
  }
  return here.x;
}
