/**
 * Privacy loss distribution of the Gaussian mechanism on a Poisson sample (Koskela et al. 2020; Doroshenko et al. 2022). One step's losses are put on a grid
 * by splitting each interval's mass between its ends so that both neighbours' probabilities stay: the curve delta(epsilon) then lies on the true one at
 * the grid and above it in between ("connect the dots"), so it is pessimistic. Steps are composed by the Fourier transform, in a window outside of which
 * a Chernoff bound leaves less than a thousandth of delta, which is added.
 */
import { normalAbove } from "../../statistics/index.ts";
import { governanceErrors } from "../errors.ts";
import { fourier } from "./fourier.ts";
import { checkMechanism, type PrivacySteps, type SampledGaussian } from "./renyi.ts";

/** Who is the larger neighbour: the data set with the person (its output is P), or the one without (Q). */
type Direction = "remove" | "add";
/** Masses at losses (first + i) x step, and the mass at infinity. */
interface LossGrid {
  readonly step: number;
  readonly first: number;
  readonly mass: Float64Array;
  readonly infinite: number;
}

/** Least width of a grid, and most points of a transform: 2^22 doubles are 67 MB. */
const finestStep = 1e-4;
const mostPoints = 2 ** 22;
const coarsePoints = 2 ** 12;

/** P(Z > z), also at the infinities. */
const above = (z: number): number => (Number.isFinite(z) ? normalAbove(z) : z > 0 ? 0 : 1);
/** P(a < Z <= b), exact in both tails. */
const between = (a: number, b: number): number => (a > 0 ? above(a) - above(b) : above(-b) - above(-a));

/** The outcome z at which log(P / Q) is a loss; -infinity below the least loss. */
function outcomeOf(loss: number, { rate, noise }: SampledGaussian): number {
  const share = (Math.expm1(loss) + rate) / rate;
  return share <= 0 ? Number.NEGATIVE_INFINITY : noise * noise * Math.log(share) + 0.5;
}
const lossOf = (z: number, { rate, noise }: SampledGaussian): number => {
  const shift = (2 * z - 1) / (2 * noise * noise);
  return shift > 30 ? Math.log(rate) + shift : Math.log1p(rate * Math.expm1(shift));
};

/** Probabilities of losses between two, under the neighbour that is looked at and under the other one. */
function massesBetween(low: number, high: number, direction: Direction, m: SampledGaussian): readonly [own: number, other: number] {
  const turned = direction === "add";
  const [a, b] = turned ? [outcomeOf(-high, m), outcomeOf(-low, m)] : [outcomeOf(low, m), outcomeOf(high, m)];
  const without = between(a / m.noise, b / m.noise);
  const withPerson = (1 - m.rate) * without + m.rate * between((a - 1) / m.noise, (b - 1) / m.noise);
  return turned ? [without, withPerson] : [withPerson, without];
}

/** Losses of one step. Outcomes further out than `tail` deviations are infinite losses above, and the least loss below. */
function gridOf(m: SampledGaussian, direction: Direction, step: number, tail: number): LossGrid {
  const [far, near] = [lossOf(1 + tail * m.noise, m), lossOf(-tail * m.noise, m)];
  const [low, high] = direction === "add" ? [-far, -near] : [near, far];
  const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
  const mass = new Float64Array(last - first + 1);
  for (let i = 0; i < mass.length - 1; i++) {
    const at = (first + i) * step;
    const [own, other] = massesBetween(at, at + step, direction, m);
    // lower + upper = own, lower e^-at + upper e^-(at + step) = other
    const lower = Math.min(own, Math.max(0, (other * Math.exp(at) - own * Math.exp(-step)) / -Math.expm1(-step)));
    mass[i]! += lower;
    mass[i + 1]! += own - lower;
  }
  const [below] = massesBetween(Number.NEGATIVE_INFINITY, first * step, direction, m);
  const [beyond] = massesBetween(last * step, Number.POSITIVE_INFINITY, direction, m);
  mass[0]! += below;
  return { step, first, mass, infinite: beyond };
}

/** log of the moment generating function of the finite losses. */
function logMoment({ step, first, mass }: LossGrid, t: number): number {
  const most = Math.max(t * first * step, t * (first + mass.length - 1) * step);
  let total = 0;
  for (let i = 0; i < mass.length; i++) total += mass[i]! * Math.exp(t * (first + i) * step - most);
  // so large an exponent that only masses of zero are left bounds nothing
  return total > 0 ? most + Math.log(total) : Number.POSITIVE_INFINITY;
}

/** Places that the sum of `steps` losses leaves with less than `tail` on each side, by Chernoff's bound at the best of some exponents. */
function windowOf(grid: LossGrid, steps: number, tail: number): readonly [low: number, high: number] {
  const exponents = Array.from({ length: 40 }, (_, i) => 2 ** (i / 2 - 10));
  const bound = (sign: number) =>
    exponents.map(t => (steps * logMoment(grid, sign * t) - Math.log(tail)) / (t * grid.step)).reduce((a, b) => Math.min(a, b));
  const [least, most] = [steps * grid.first, steps * (grid.first + grid.mass.length - 1)];
  return [Math.max(least, Math.floor(-bound(-1))), Math.min(most, Math.ceil(bound(1)))];
}

/** Loss distributions of runs of steps together, inside a window. */
function composed(parts: readonly { readonly grid: LossGrid; readonly steps: number }[], tail: number): LossGrid {
  const { step } = parts[0]!.grid;
  const windows = parts.map(({ grid, steps }) => windowOf(grid, steps, tail / parts.length));
  const [low, high] = [0, 1].map(side => windows.reduce((s, w) => s + w[side]!, 0)) as [number, number];
  const widest = parts.reduce((n, { grid }) => Math.max(n, grid.mass.length), high - low + 1);
  const size = 2 ** Math.ceil(Math.log2(widest + 1));
  const total = { real: new Float64Array(size).fill(1), imaginary: new Float64Array(size) };
  for (const { grid, steps } of parts) multiply(total, grid, steps);
  fourier(total.real, total.imaginary, true);
  // what lies at a place of the transform is the loss first + place, wrapped around by its size
  const first = parts.reduce((s, { grid, steps }) => s + steps * grid.first, 0);
  const mass = new Float64Array(high - low + 1);
  for (let i = 0; i < mass.length; i++) mass[i] = Math.max(0, total.real[(((low + i - first) % size) + size) % size]!);
  const finite = parts.reduce((s, { grid, steps }) => s + steps * Math.log1p(-grid.infinite), 0);
  return { step, first: low, mass, infinite: -Math.expm1(finite) + 2 * tail };
}

/** The transform of a grid to the power of its steps, times what there is. */
function multiply(total: { readonly real: Float64Array; readonly imaginary: Float64Array }, { mass }: LossGrid, steps: number): void {
  const size = total.real.length;
  const [real, imaginary] = [new Float64Array(size), new Float64Array(size)];
  real.set(mass);
  fourier(real, imaginary);
  for (let i = 0; i < size; i++) {
    const radius = (real[i]! * real[i]! + imaginary[i]! * imaginary[i]!) ** (steps / 2);
    const angle = Math.atan2(imaginary[i]!, real[i]!) * steps;
    const [re, im] = [radius * Math.cos(angle), radius * Math.sin(angle)];
    const sofar = total.real[i]!;
    total.real[i] = sofar * re - total.imaginary[i]! * im;
    total.imaginary[i] = sofar * im + total.imaginary[i]! * re;
  }
}

/** delta(epsilon): the sum over losses above epsilon of mass (1 - e^(epsilon - loss)). */
function deltaAt({ step, first, mass, infinite }: LossGrid, epsilon: number): number {
  let delta = infinite;
  for (let i = Math.max(0, Math.floor(epsilon / step) - first); i < mass.length; i++) {
    const loss = (first + i) * step;
    if (loss > epsilon) delta -= mass[i]! * Math.expm1(epsilon - loss);
  }
  return delta;
}

function epsilonAt(grid: LossGrid, delta: number): number {
  if (grid.infinite > delta) return Number.POSITIVE_INFINITY;
  let [low, high] = [0, Math.max(0, (grid.first + grid.mass.length) * grid.step)];
  if (deltaAt(grid, 0) <= delta) return 0;
  while (high - low > 1e-9 * Math.max(1, high)) {
    const middle = (low + high) / 2;
    if (deltaAt(grid, middle) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/** Deviations beyond which a normal leaves less than a probability: sqrt(2 log(1 / p)). */
const deviationsFor = (probability: number): number => Math.sqrt(-2 * Math.log(probability));

/** A grid as fine as the points of the transform allow, by the window of all steps on a coarse one. */
function stepFor(runs: readonly PrivacySteps[], direction: Direction, outcomes: number, tail: number): number {
  const spans = runs.map(m => lossOf(1 + outcomes * m.noise, m) - lossOf(-outcomes * m.noise, m));
  const coarse = Math.max(finestStep, spans.reduce((a, b) => Math.max(a, b)) / coarsePoints);
  const width = runs.reduce((s, m) => {
    const [low, high] = windowOf(gridOf(m, direction, coarse, outcomes), m.steps, tail / runs.length);
    return s + (high - low) * coarse;
  }, 0);
  return Math.max(finestStep, (2 * Math.max(width, ...spans)) / mostPoints);
}

/**
 * The epsilon at a delta of runs of steps, an upper bound that is tight to the grid. `delta` from 1e-12: below, rounding of the transform counts.
 * Errors: governance/accountant.
 */
export function epsilonOfLosses(runs: readonly PrivacySteps[], delta: number): number {
  for (const m of runs) checkMechanism(m);
  if (!(delta >= 1e-12 && delta < 1))
    throw governanceErrors.fail("accountant", { place: "privacy.delta", expected: "a number from 1e-12 to 1", received: `${delta}` });
  const counted = runs.filter(r => r.steps > 0);
  if (counted.length === 0) return 0;
  const tail = (1e-3 * delta) / 4;
  const outcomes = deviationsFor(tail / counted.reduce((s, r) => s + r.steps, 0));
  const directions = counted.every(r => r.rate === 1) ? (["remove"] as const) : (["remove", "add"] as const);
  return directions
    .map(direction => {
      const step = stepFor(counted, direction, outcomes, tail);
      const parts = counted.map(m => ({ grid: gridOf(m, direction, step, outcomes), steps: m.steps }));
      return epsilonAt(composed(parts, tail), delta);
    })
    .reduce((a, b) => Math.max(a, b));
}
