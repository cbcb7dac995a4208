/**
 * A Gaussian process over [0, 1]^d with a Matern 5/2 kernel and one length a group of coordinates (Rasmussen & Williams 2006, 4.2 and 5.4.1);
 * lengths, scale and noise by their most probable values.
 */
import { cholesky, solveTriangular } from "../../../statistics/index.ts";
import { minimise, type Slope } from "../minimise.ts";

/** Coordinates of the points, and for each coordinate the parameter whose length it shares. */
export interface GaussianData {
  readonly points: readonly Float64Array[];
  readonly groupOf: readonly number[];
  readonly groups: number;
  /** Standardised: mean 0, deviation 1. */
  readonly values: Float64Array;
  /** Whether the same place always gives the same value: then no noise is fitted. */
  readonly isExact?: boolean;
}

/** Least variance of the noise: what keeps the matrix regular. */
const leastNoise = 1e-6;
const noiseOf = ({ groups, isExact }: GaussianData, settings: Float64Array): number =>
  leastNoise + (isExact ? 0 : Math.exp(settings[groups + 1]!));

/** Squared distances by group for every pair of different points, row by row below the diagonal. */
function distancesOf({ points, groupOf, groups }: GaussianData): Float64Array[] {
  const n = points.length;
  const out = Array.from({ length: groups }, () => new Float64Array((n * (n - 1)) / 2));
  for (let i = 0, pair = 0; i < n; i++)
    for (let j = 0; j < i; j++, pair++)
      for (const [c, g] of groupOf.entries()) out[g]![pair] = out[g]![pair]! + (points[i]![c]! - points[j]![c]!) ** 2;
  return out;
}

const root5 = Math.sqrt(5);
/** Matern 5/2 of a squared distance, and its slope by that. */
const matern = (r2: number): number => {
  const r = root5 * Math.sqrt(r2);
  return (1 + r + (5 / 3) * r2) * Math.exp(-r);
};
const maternSlope = (r2: number): number => {
  const r = root5 * Math.sqrt(r2);
  return (-5 / 6) * (1 + r) * Math.exp(-r);
};

/**
 * Settings are logarithms: of each group's 1 / length^2, of the scale, of the noise. The priors are Optuna's GPSampler's: they keep lengths
 * from 0 and infinity, and noise small.
 */
function priorOf({ groups, isExact }: GaussianData, settings: Float64Array): Slope {
  let value = 0;
  const gradient = new Float64Array(settings.length);
  for (let g = 0; g < groups; g++) {
    const v = Math.exp(settings[g]!);
    value += 0.1 / v + 0.1 * v;
    gradient[g] = -0.1 / v + 0.1 * v;
  }
  const [scale, noise] = [Math.exp(settings[groups]!), Math.exp(settings[groups + 1]!)];
  value += scale - settings[groups]!;
  gradient[groups] = scale - 1;
  if (isExact) return { value, gradient };
  value += 30 * noise - 0.1 * settings[groups + 1]!;
  gradient[groups + 1] = 30 * noise - 0.1;
  return { value, gradient };
}

/** The inverse of a lower factor, column by column: `[column * n + row]`, so that products of columns run through memory. */
function inverseOf(l: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let j = 0; j < n; j++)
    for (let i = j; i < n; i++) out[j * n + i] = ((i === j ? 1 : 0) - dotOf(l, i * n + j, out, j * n + j, i - j)) / l[i * n + i]!;
  return out;
}

/** Product of two runs of numbers; four sums at once, since one would wait for itself. */
function dotOf(a: Float64Array, fromA: number, b: Float64Array, fromB: number, length: number): number {
  let [s0, s1, s2, s3, i] = [0, 0, 0, 0, 0];
  for (; i + 3 < length; i += 4) {
    s0 += a[fromA + i]! * b[fromB + i]!;
    s1 += a[fromA + i + 1]! * b[fromB + i + 1]!;
    s2 += a[fromA + i + 2]! * b[fromB + i + 2]!;
    s3 += a[fromA + i + 3]! * b[fromB + i + 3]!;
  }
  for (; i < length; i++) s0 += a[fromA + i]! * b[fromB + i]!;
  return s0 + s1 + (s2 + s3);
}

/** Negative log of the evidence and the priors by the settings, with its slope (Rasmussen & Williams 5.9). */
export function surpriseOf(data: GaussianData): (settings: Float64Array) => Slope {
  const distances = distancesOf(data);
  return settings => surprise(data, distances, settings);
}

function surprise(data: GaussianData, distances: readonly Float64Array[], settings: Float64Array): Slope {
  const { groups, values } = data;
  const n = values.length;
  const pairs = (n * (n - 1)) / 2;
  const [scale, noise] = [Math.exp(settings[groups]!), noiseOf(data, settings)];
  const r2 = new Float64Array(pairs);
  for (let g = 0; g < groups; g++) {
    const [inverse, own] = [Math.exp(settings[g]!), distances[g]!];
    for (let p = 0; p < pairs; p++) r2[p] = r2[p]! + inverse * own[p]!;
  }
  const k = new Float64Array(n * n);
  /** Slope of the kernel by the squared distance. */
  const bySquare = new Float64Array(pairs);
  for (let i = 0, p = 0; i < n; i++) {
    for (let j = 0; j < i; j++, p++) {
      const r = root5 * Math.sqrt(r2[p]!);
      const fallen = scale * Math.exp(-r);
      k[i * n + j] = (1 + r + (5 / 3) * r2[p]!) * fallen;
      bySquare[p] = (-5 / 6) * (1 + r) * fallen;
    }
    k[i * n + i] = scale + noise;
  }
  const l = cholesky(k, n);
  const { value: penalty, gradient } = priorOf(data, settings);
  if (!l) return { value: Number.POSITIVE_INFINITY, gradient };
  const alpha = solveTriangular(l, solveTriangular(l, values), true);
  let value = penalty + (n / 2) * Math.log(2 * Math.PI);
  for (let i = 0; i < n; i++) value += 0.5 * values[i]! * alpha[i]! + Math.log(l[i * n + i]!);
  // Slopes: half the trace of (K^-1 - alpha alpha') dK. A pair stands on both sides of the diagonal.
  const inverse = inverseOf(l, n);
  for (let i = 0, p = 0; i < n; i++) {
    for (let j = 0; j < i; j++, p++) {
      const weight = dotOf(inverse, i * n + i, inverse, j * n + i, n - i) - alpha[i]! * alpha[j]!;
      gradient[groups] = gradient[groups]! + weight * k[i * n + j]!;
      bySquare[p] = bySquare[p]! * weight;
    }
    const weight = 0.5 * (dotOf(inverse, i * n + i, inverse, i * n + i, n - i) - alpha[i]! ** 2);
    gradient[groups] = gradient[groups]! + weight * scale;
    gradient[groups + 1] = gradient[groups + 1]! + weight * (noise - leastNoise);
  }
  for (let g = 0; g < groups; g++) gradient[g] = gradient[g]! + Math.exp(settings[g]!) * dotOf(bySquare, 0, distances[g]!, 0, pairs);
  return { value, gradient };
}

export interface Prediction {
  readonly mean: number;
  readonly deviation: number;
}
export interface PredictionSlope extends Prediction {
  readonly meanSlope: Float64Array;
  readonly deviationSlope: Float64Array;
}

export class GaussianProcess {
  private readonly data: GaussianData;
  private readonly settings: Float64Array;
  private readonly inverse: Float64Array;
  private readonly scale: number;
  private readonly factor: Float64Array;
  private readonly alpha: Float64Array;

  private constructor(data: GaussianData, settings: Float64Array) {
    const n = data.values.length;
    this.data = data;
    this.settings = settings;
    this.inverse = Float64Array.from(data.groupOf, g => Math.exp(settings[g]!));
    this.scale = Math.exp(settings[data.groups]!);
    const k = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) k[i * n + j] = this.scale * matern(this.distance(data.points[i]!, data.points[j]!));
    // Rounding may make the matrix singular where points coincide: then there is more noise.
    for (let noise = noiseOf(data, settings); ; noise *= 10) {
      const factor = cholesky(
        k.map((v, at) => (at % (n + 1) === 0 ? v + noise : v)),
        n,
      );
      if (!factor) continue;
      this.factor = factor;
      break;
    }
    this.alpha = solveTriangular(this.factor, solveTriangular(this.factor, data.values), true);
  }

  /** The most probable settings from two starts: a medium length, and a short one. */
  static fit(data: GaussianData): GaussianProcess {
    const surprise = surpriseOf(data);
    const starts = [0, 2.5].map(length =>
      Float64Array.from({ length: data.groups + 2 }, (_, i) => (i < data.groups ? length : i === data.groups ? 0 : Math.log(1e-3))),
    );
    const fits = starts.map(s => minimise(surprise, s, { steps: 60, low: -12, high: 12, tolerance: 1e-2 }));
    return new GaussianProcess(data, fits.reduce((best, f) => (f.value < best.value ? f : best)).x);
  }

  /** The same settings with more that was seen. */
  with(points: readonly Float64Array[], values: readonly number[]): GaussianProcess {
    const data = { ...this.data, points: [...this.data.points, ...points], values: Float64Array.from([...this.data.values, ...values]) };
    return new GaussianProcess(data, this.settings);
  }

  get isExact(): boolean {
    return this.data.isExact ?? false;
  }

  private distance(a: Float64Array, b: Float64Array): number {
    let sum = 0;
    for (let c = 0; c < a.length; c++) sum += this.inverse[c]! * (a[c]! - b[c]!) ** 2;
    return sum;
  }

  /** Mean and deviation of the function at a place, without noise. */
  at(x: Float64Array): Prediction {
    const k = Float64Array.from(this.data.points, p => this.scale * matern(this.distance(x, p)));
    const half = solveTriangular(this.factor, k);
    let [mean, explained] = [0, 0];
    for (let i = 0; i < k.length; i++) {
      mean += k[i]! * this.alpha[i]!;
      explained += half[i]! ** 2;
    }
    return { mean, deviation: Math.sqrt(Math.max(1e-12, this.scale - explained)) };
  }

  withSlope(x: Float64Array): PredictionSlope {
    const { points } = this.data;
    const n = points.length;
    const r2 = Float64Array.from(points, p => this.distance(x, p));
    const k = r2.map(v => this.scale * matern(v));
    const half = solveTriangular(this.factor, k);
    const solved = solveTriangular(this.factor, half, true);
    let [mean, explained] = [0, 0];
    for (let i = 0; i < n; i++) {
      mean += k[i]! * this.alpha[i]!;
      explained += half[i]! ** 2;
    }
    const deviation = Math.sqrt(Math.max(1e-12, this.scale - explained));
    const [meanSlope, deviationSlope] = [new Float64Array(x.length), new Float64Array(x.length)];
    for (let i = 0; i < n; i++) {
      const slope = this.scale * maternSlope(r2[i]!);
      for (let c = 0; c < x.length; c++) {
        const by = slope * 2 * this.inverse[c]! * (x[c]! - points[i]![c]!);
        meanSlope[c] = meanSlope[c]! + by * this.alpha[i]!;
        deviationSlope[c] = deviationSlope[c]! - (by * solved[i]!) / deviation;
      }
    }
    return { mean, deviation, meanSlope, deviationSlope };
  }
}
