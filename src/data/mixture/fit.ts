/**
 * Shares under constraints. A target is fitted to the margins of several attributes (iterative proportional fitting, Deming & Stephan 1940);
 * the amounts are then the nearest to it, by Kullback-Leibler divergence, that obey caps, quotas and the total: what a cap refuses goes to
 * the others in proportion to their targets. Their dual problem has one variable a bound and is climbed by Newton's method within the signs that
 * those variables may have (Bertsekas 1982), damped as Levenberg & Marquardt do: alternating projections (Dykstra) need tens of thousands of
 * rounds where bounds meet at a sharp angle.
 */
import { cholesky, solveTriangular } from "../../statistics/index.ts";

/** Cells that count together, and how much they may have. */
export interface ShareBound {
  readonly cells: readonly number[];
  readonly min: number;
  readonly max: number;
}

/** The share that each group of cells shall have of the whole; groups of one margin cover every cell once. */
export type MarginTarget = readonly { readonly cells: readonly number[]; readonly share: number }[];

const maxRounds = 5000;
const precision = 1e-11;
const maxSteps = 300;
/** Of the logarithm of a group's weight: a group that must become empty gets there by steps. */
const longestStep = 5;

const sum = (values: Float64Array, cells?: readonly number[]): number => {
  let s = 0;
  if (cells) for (const c of cells) s += values[c]!;
  else for (const v of values) s += v;
  return s;
};

/** Scales `start` until every margin holds; where no scaling can (a pair of values that no document has), as near as it comes. */
export function fitMargins(start: Float64Array, margins: readonly MarginTarget[]): Float64Array {
  const x = start.slice();
  const rounds = margins.length > 1 ? maxRounds : 1;
  for (let round = 0; round < rounds; round++) {
    let worst = 0;
    for (const margin of margins)
      for (const { cells, share } of margin) {
        const have = sum(x, cells);
        if (have === 0) continue;
        worst = Math.max(worst, Math.abs(have - share));
        for (const c of cells) x[c] = x[c]! * (share / have);
      }
    if (worst < precision) break;
  }
  const all = sum(x);
  return all > 0 ? x.map(v => v / all) : x;
}

/** min(cap, scale x wanted) with the one scale for which the sum is `total`, or all caps where they hold less. */
export function fill(wanted: Float64Array, caps: Float64Array, total: number): Float64Array {
  const order = Array.from(wanted.keys())
    .filter(c => wanted[c]! > 0)
    .sort((a, b) => caps[a]! / wanted[a]! - caps[b]! / wanted[b]! || a - b);
  const out = new Float64Array(wanted.length);
  let left = total;
  let weight = order.reduce((s, c) => s + wanted[c]!, 0);
  let at = 0;
  for (; at < order.length; at++) {
    const c = order[at]!;
    if ((left * wanted[c]!) / weight < caps[c]!) break;
    out[c] = caps[c]!;
    left = Math.max(0, left - caps[c]!);
    weight -= wanted[c]!;
  }
  // Summed anew: what is left of a long subtraction is mostly rounding.
  weight = 0;
  for (let i = at; i < order.length; i++) weight += wanted[order[i]!]!;
  for (let i = at; i < order.length; i++) out[order[i]!] = Math.min(caps[order[i]!]!, (left * wanted[order[i]!]!) / weight);
  return out;
}

interface Allotment {
  readonly amounts: Float64Array;
  /** The bound that no amounts obey together with the others, if there is one. */
  readonly broken: number | undefined;
}

/** The amounts nearest to `target` x `total` within caps (a cell each) and bounds (groups of cells). */
export function allot(target: Float64Array, caps: Float64Array, total: number, bounds: readonly ShareBound[]): Allotment {
  const first = fill(target, caps, total);
  const reach = sum(first);
  if (bounds.length === 0 || reach === 0) return { amounts: first, broken: undefined };
  const { amounts } = climb(bounds, at => pointAt(at, target, caps, reach, bounds));
  return { amounts, broken: firstBroken(amounts, bounds, reach) };
}

/** The dual problem at one value a bound: above 0 it pulls a group up to its least amount, below 0 down to its largest. */
interface DualPoint {
  readonly at: Float64Array;
  readonly amounts: Float64Array;
  /** What the climb makes as large as it can: the divergence from below, per unit of the total. */
  readonly height: number;
  /** Its slope a bound, and where at 0 both signs lead down, 0. */
  readonly slope: Float64Array;
  /** Its curvature, negated, [bounds, bounds]. */
  readonly bend: () => Float64Array;
}

function pointAt(at: Float64Array, target: Float64Array, caps: Float64Array, total: number, bounds: readonly ShareBound[]): DualPoint {
  const pull = new Float64Array(target.length);
  for (const [b, { cells }] of bounds.entries()) for (const c of cells) pull[c] = pull[c]! + at[b]!;
  const most = pull.reduce((m, v, c) => (target[c]! > 0 ? Math.max(m, v) : m), Number.NEGATIVE_INFINITY);
  const wanted = target.map((share, c) => share * Math.exp(pull[c]! - most));
  const amounts = fill(wanted, caps, total);
  let height = 0;
  for (const [c, v] of amounts.entries()) if (v > 0) height += (v / total) * (Math.log(v / total / target[c]!) - pull[c]!);
  const slope = Float64Array.from(bounds, ({ cells, min, max }, b) => {
    const have = sum(amounts, cells);
    const at0 = have < min ? min - have : have > max ? max - have : 0;
    const value = at[b]!;
    if (value !== 0) height += (value * (value > 0 ? min : max)) / total;
    return (value > 0 ? min - have : value < 0 ? max - have : at0) / total;
  });
  return { at, amounts, height, slope, bend: () => bendOf(amounts, caps, total, bounds) };
}

/** What is at its cap does not bend; the rest shares what is left, so that its groups vary together as counts of one draw do. */
function bendOf(amounts: Float64Array, caps: Float64Array, total: number, bounds: readonly ShareBound[]): Float64Array {
  const n = bounds.length;
  const free = amounts.map((v, c) => (v < caps[c]! ? v / total : 0));
  const all = sum(free);
  const holds = bounds.map(({ cells }) => {
    const row = new Float64Array(free.length);
    for (const c of cells) row[c] = free[c]!;
    return row;
  });
  const groups = holds.map(row => sum(row));
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) out[i * n + j] = sum(holds[i]!, bounds[j]!.cells) - (all > 0 ? (groups[i]! * groups[j]!) / all : 0);
  return out;
}

/** Climbs until no bound is off by more than rounding, or no step leads up: then some bounds contradict one another. */
function climb(bounds: readonly ShareBound[], pointOf: (at: Float64Array) => DualPoint): DualPoint {
  let point = pointOf(new Float64Array(bounds.length));
  let damping = 1e-9;
  for (let round = 0; round < maxSteps && offBy(point) > precision; round++) {
    const next = pointOf(stepFrom(point, damping));
    const gain = next.height - point.height;
    const expected = point.slope.reduce((s, v, b) => s + v * (next.at[b]! - point.at[b]!), 0);
    // Close to the top the height is flat to the last digit; there the slope says which of two points is nearer.
    const isUp = gain > 1e-13 ? gain >= 1e-4 * expected : gain > -1e-13 && offBy(next) < offBy(point);
    damping = isUp ? Math.max(1e-15, damping / 10) : damping * 10;
    if (isUp) point = next;
    else if (damping > 1e6) break;
  }
  return point;
}

const offBy = ({ slope }: DualPoint): number => slope.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

function stepFrom({ at, slope, bend }: DualPoint, damping: number): Float64Array {
  const moving = Array.from(at.keys()).filter(b => slope[b] !== 0 || at[b] !== 0);
  const n = moving.length;
  const matrix = bend();
  const system = new Float64Array(n * n);
  for (const [i, a] of moving.entries())
    for (const [j, b] of moving.entries()) system[i * n + j] = matrix[a * at.length + b]! + (i === j ? damping : 0);
  const factor = cholesky(system, n);
  const right = Float64Array.from(moving, b => slope[b]!);
  const step = factor ? solveTriangular(factor, solveTriangular(factor, right), true) : right.map(v => v / damping);
  const out = at.slice();
  for (const [i, b] of moving.entries()) {
    const sign = Math.sign(at[b]!) || Math.sign(slope[b]!);
    const to = at[b]! + Math.max(-longestStep, Math.min(longestStep, step[i]!));
    out[b] = to * sign > 0 ? to : 0;
  }
  return out;
}

function firstBroken(x: Float64Array, bounds: readonly ShareBound[], total: number): number | undefined {
  const slack = 1e-6 * total;
  const i = bounds.findIndex(({ cells, min, max }) => {
    const have = sum(x, cells);
    return have < min - slack || have > max + slack;
  });
  return i < 0 ? undefined : i;
}
