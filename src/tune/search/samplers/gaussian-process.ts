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
}

/** Least variance of the noise: what keeps the matrix regular. */
const leastNoise = 1e-6;

/** Squared distances by group, for every pair: `[group][i * n + j]`. */
function distancesOf({ points, groupOf, groups }: GaussianData): Float64Array[] {
  const n = points.length;
  const out = Array.from({ length: groups }, () => new Float64Array(n * n));
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++)
      for (const [c, g] of groupOf.entries()) {
        const d = (points[i]![c]! - points[j]![c]!) ** 2;
        out[g]![i * n + j] = out[g]![i * n + j]! + d;
        out[g]![j * n + i] = out[g]![i * n + j]!;
      }
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
function priorOf(settings: Float64Array, groups: number): Slope {
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
  value += 30 * noise - 0.1 * settings[groups + 1]!;
  gradient[groups + 1] = 30 * noise - 0.1;
  return { value, gradient };
}

/** Negative log of the evidence and the priors, with its slope (Rasmussen & Williams 5.9). */
function surprise(data: GaussianData, distances: readonly Float64Array[], settings: Float64Array): Slope {
  const { groups, values } = data;
  const n = values.length;
  const inverse = settings.subarray(0, groups).map(Math.exp);
  const [scale, noise] = [Math.exp(settings[groups]!), Math.exp(settings[groups + 1]!) + leastNoise];
  const r2 = new Float64Array(n * n);
  for (let g = 0; g < groups; g++) for (let i = 0; i < r2.length; i++) r2[i] = r2[i]! + inverse[g]! * distances[g]![i]!;
  const k = r2.map(v => scale * matern(v));
  for (let i = 0; i < n; i++) k[i * n + i] = k[i * n + i]! + noise;
  const l = cholesky(k, n);
  const { value: penalty, gradient } = priorOf(settings, groups);
  if (!l) return { value: Number.POSITIVE_INFINITY, gradient };
  const alpha = solveTriangular(l, solveTriangular(l, values), true);
  let value = penalty + (n / 2) * Math.log(2 * Math.PI);
  for (let i = 0; i < n; i++) value += 0.5 * values[i]! * alpha[i]! + Math.log(l[i * n + i]!);
  // 0.5 (K^-1 - alpha alpha'), once for all slopes
  const weight = new Float64Array(n * n);
  const unit = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    unit.fill(0);
    unit[j] = 1;
    const column = solveTriangular(l, solveTriangular(l, unit), true);
    for (let i = 0; i < n; i++) weight[i * n + j] = 0.5 * (column[i]! - alpha[i]! * alpha[j]!);
  }
  const bySlope = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    gradient[groups + 1] = gradient[groups + 1]! + weight[i * n + i]! * (noise - leastNoise);
    for (let j = 0; j < n; j++) {
      const at = i * n + j;
      gradient[groups] = gradient[groups]! + weight[at]! * scale * matern(r2[at]!);
      bySlope[at] = weight[at]! * scale * maternSlope(r2[at]!);
    }
  }
  for (let g = 0; g < groups; g++) {
    let sum = 0;
    for (let i = 0; i < bySlope.length; i++) sum += bySlope[i]! * distances[g]![i]!;
    gradient[g] = gradient[g]! + sum * inverse[g]!;
  }
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
    for (let noise = Math.exp(settings[data.groups + 1]!) + leastNoise; ; noise *= 10) {
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
    const distances = distancesOf(data);
    const starts = [0, 2.5].map(length =>
      Float64Array.from({ length: data.groups + 2 }, (_, i) => (i < data.groups ? length : i === data.groups ? 0 : Math.log(1e-3))),
    );
    const fits = starts.map(s => minimise(x => surprise(data, distances, x), s, { steps: 60, low: -12, high: 12 }));
    return new GaussianProcess(data, fits.reduce((best, f) => (f.value < best.value ? f : best)).x);
  }

  /** The same settings with more that was seen. */
  with(points: readonly Float64Array[], values: readonly number[]): GaussianProcess {
    const data = { ...this.data, points: [...this.data.points, ...points], values: Float64Array.from([...this.data.values, ...values]) };
    return new GaussianProcess(data, this.settings);
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
