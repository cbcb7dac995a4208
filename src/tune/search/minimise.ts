/** The smallest value of a smooth function near a start. */

export interface Slope {
  readonly value: number;
  readonly gradient: Float64Array;
}

interface MinimiseOptions {
  readonly steps?: number;
  /** Ends where the slope is below this, or a step gains less than a hundredth of it; absent: at rounding. */
  readonly tolerance?: number;
  /** Ends of every coordinate; absent: none. */
  readonly low?: number;
  readonly high?: number;
}

const remembered = 8;
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

/**
 * Limited-memory BFGS (Nocedal 1980) with projection onto a box (Bertsekas 1982: coordinates that stand at an end and want beyond it stay) and
 * halving steps until Armijo's condition holds. A value that is not finite counts as too far.
 */
export function minimise(
  f: (x: Float64Array) => Slope,
  start: Float64Array,
  o: MinimiseOptions = {},
): { readonly x: Float64Array; readonly value: number } {
  const { steps = 100, tolerance = 0, low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY } = o;
  const clamp = (v: number) => Math.min(high, Math.max(low, v));
  let x: Float64Array = start.map(clamp);
  let here = f(x);
  const pairs: { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[] = [];
  for (let step = 0; step < steps; step++) {
    const g = here.gradient;
    const isFree = (i: number) => !((x[i]! <= low && g[i]! > 0) || (x[i]! >= high && g[i]! < 0));
    const free = g.map((v, i) => (isFree(i) ? v : 0));
    if (Math.sqrt(dot(free, free)) < Math.max(1e-9, tolerance)) break;
    let direction: Float64Array = descent(free, pairs).map((v, i) => (isFree(i) ? v : 0));
    if (dot(direction, free) >= 0) direction = free.map(v => -v);
    let next: { readonly x: Float64Array; readonly slope: Slope } | undefined;
    for (let [t, tries] = [pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(free, free))) : 1, 0]; tries < 40; t /= 2, tries++) {
      const there = x.map((v, i) => clamp(v + t * direction[i]!));
      const slope = f(there);
      const expected = there.reduce((sum, v, i) => sum + g[i]! * (v - x[i]!), 0);
      if (Number.isFinite(slope.value) && slope.value <= here.value + 1e-4 * expected) {
        next = { x: there, slope };
        break;
      }
    }
    if (!next) break;
    const s = next.x.map((v, i) => v - x[i]!);
    const y = next.slope.gradient.map((v, i) => v - g[i]!);
    const curvature = dot(s, y);
    if (curvature > 1e-12 * dot(y, y)) {
      pairs.push({ s, y, rho: 1 / curvature });
      if (pairs.length > remembered) pairs.shift();
    }
    const gain = here.value - next.slope.value;
    [x, here] = [next.x, next.slope];
    if (gain <= Math.max(tolerance / 100, 1e-12 * Math.max(1, Math.abs(here.value)))) break;
  }
  return { x, value: here.value };
}

/** The two loops of L-BFGS. */
function descent(
  gradient: Float64Array,
  pairs: readonly { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[],
): Float64Array {
  const q = Float64Array.from(gradient);
  const alphas: number[] = [];
  for (const { s, y, rho } of pairs.toReversed()) {
    const alpha = rho * dot(s, q);
    alphas.unshift(alpha);
    for (let i = 0; i < q.length; i++) q[i] = q[i]! - alpha * y[i]!;
  }
  const last = pairs.at(-1);
  if (last) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (let i = 0; i < q.length; i++) q[i] = q[i]! * scale;
  }
  for (const [k, { s, y, rho }] of pairs.entries()) {
    const beta = rho * dot(y, q);
    for (let i = 0; i < q.length; i++) q[i] = q[i]! + (alphas[k]! - beta) * s[i]!;
  }
  return q.map(v => -v);
}
