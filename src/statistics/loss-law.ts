/**
 * The loss law L = E + A / N^a + B / D^b in parameters N and tokens D (Hoffmann et al. 2022, section 3.3), fitted to a few runs, and what it predicts for
 * another. For given exponents the rest is linear: the best E, A and B >= 0 follow by least squares, and only two numbers are searched for, from
 * several starts. Residuals are relative, and large ones count linearly (Huber), so one bad run does not decide.
 */
import { random } from "../base/index.ts";
import { checkArgument } from "./errors.ts";
import { quantile } from "./resampling.ts";

/** One run. */
export interface LossPointOfLaw {
  readonly parameters: number;
  readonly tokens: number;
  /** Held-out loss, nats per token. */
  readonly loss: number;
}

export interface LossLaw {
  /** Loss that neither size nor tokens take away. */
  readonly irreducible: number;
  readonly parameterFactor: number;
  readonly parameterExponent: number;
  readonly tokenFactor: number;
  readonly tokenExponent: number;
}

export interface PredictedLoss {
  readonly loss: number;
  /** 95 % prediction interval. */
  readonly low: number;
  readonly high: number;
}

/** Exponents that are looked at: published ones lie between 0.03 and 0.9. */
const exponents = { least: 0.02, most: 2 };
/** Relative residual from which on a point counts linearly: noise between seeds is below it. */
const huber = 0.005;
/** Relative noise that is taken for granted: seeds alone make that, and a fit that meets few runs by chance would promise too much. */
const leastNoise = 0.002;
const startExponents = [0.1, 0.2, 0.35, 0.6, 1];
/** Fewest runs: two of each size and three of tokens say less than the law has numbers. */
const leastPoints = 6;

export const lossAt = (law: LossLaw, { parameters, tokens }: Pick<LossPointOfLaw, "parameters" | "tokens">): number =>
  law.irreducible + law.parameterFactor * parameters ** -law.parameterExponent + law.tokenFactor * tokens ** -law.tokenExponent;

/** Solves a symmetric system of up to three unknowns by elimination; undefined where it is singular. */
function solve(a: number[][], b: number[]): number[] | undefined {
  const n = b.length;
  for (let i = 0; i < n; i++) {
    const pivot = a[i]![i]!;
    if (!(pivot > 1e-12)) return undefined;
    for (let j = i + 1; j < n; j++) {
      const f = a[j]![i]! / pivot;
      for (let k = i; k < n; k++) a[j]![k]! -= f * a[i]![k]!;
      b[j]! -= f * b[i]!;
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) b[i]! -= a[i]![k]! * b[k]!;
    b[i]! /= a[i]![i]!;
  }
  return b;
}

const subsets = [[0, 1, 2], [0, 1], [0, 2], [1, 2], [0], [1], [2]] as const;

/** Weighted least squares with coefficients of at least 0: every set of positive ones is tried, there are seven. */
function positiveLeastSquares(rows: readonly (readonly number[])[], wanted: readonly number[], weights: readonly number[]): number[] {
  let best = { cost: Number.POSITIVE_INFINITY, x: [0, 0, 0] };
  for (const set of subsets) {
    const gram = set.map(i => set.map(j => rows.reduce((s, r, k) => s + weights[k]! * r[i]! * r[j]!, 0)));
    const right = set.map(i => rows.reduce((s, r, k) => s + weights[k]! * r[i]! * wanted[k]!, 0));
    const found = solve(gram, right);
    if (!found || found.some(v => v < 0)) continue;
    const x = [0, 0, 0];
    for (const [k, i] of set.entries()) x[i] = found[k]!;
    const cost = rows.reduce((s, r, k) => s + weights[k]! * (r[0]! * x[0]! + r[1]! * x[1]! + r[2]! * x[2]! - wanted[k]!) ** 2, 0);
    if (cost < best.cost) best = { cost, x };
  }
  return best.x;
}

const huberCost = (r: number): number => (Math.abs(r) <= huber ? 0.5 * r * r : huber * (Math.abs(r) - 0.5 * huber));

interface Fit {
  readonly law: LossLaw;
  readonly cost: number;
}

/** The best law for given exponents: reweighted least squares of relative residuals. */
function fitFor(points: readonly LossPointOfLaw[], parameterExponent: number, tokenExponent: number): Fit {
  // columns near 1, so that elimination is well conditioned
  const [n0, d0] = [points[0]!.parameters, points[0]!.tokens];
  const rows = points.map(p => [
    1 / p.loss,
    (p.parameters / n0) ** -parameterExponent / p.loss,
    (p.tokens / d0) ** -tokenExponent / p.loss,
  ]);
  const ones = points.map(() => 1);
  let weights: readonly number[] = ones;
  let x = [0, 0, 0];
  let residuals: readonly number[] = ones;
  for (let i = 0; i < 6; i++) {
    x = positiveLeastSquares(rows, ones, weights);
    residuals = rows.map(r => r[0]! * x[0]! + r[1]! * x[1]! + r[2]! * x[2]! - 1);
    weights = residuals.map(r => (Math.abs(r) <= huber ? 1 : huber / Math.abs(r)));
  }
  const [irreducible, a, b] = x as [number, number, number];
  return {
    law: {
      irreducible,
      parameterFactor: a * n0 ** parameterExponent,
      parameterExponent,
      tokenFactor: b * d0 ** tokenExponent,
      tokenExponent,
    },
    cost: residuals.reduce((s, r) => s + huberCost(r), 0),
  };
}

const inRange = (x: number): number => Math.min(exponents.most, Math.max(exponents.least, x));

/** Descends over the logarithms of both exponents: a pattern that shrinks where nothing around is better (Hooke & Jeeves 1961). */
function descend(points: readonly LossPointOfLaw[], start: readonly [number, number], from = 0.4, to = 0.002): Fit {
  let at: readonly [number, number] = start;
  let best = fitFor(points, ...at);
  for (let size = from; size > to; ) {
    const around = (
      [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
        [1, 1],
        [-1, -1],
        [1, -1],
        [-1, 1],
      ] as const
    ).map(([i, j]) => [inRange(at[0] * Math.exp(i * size)), inRange(at[1] * Math.exp(j * size))] as const);
    const found = around.map(place => ({ place, fit: fitFor(points, ...place) })).sort((a, b) => a.fit.cost - b.fit.cost)[0]!;
    if (found.fit.cost < best.cost) [at, best] = [found.place, found.fit];
    else size /= 2;
  }
  return best;
}

function checkPoints(points: readonly LossPointOfLaw[]): void {
  const place = "fitLossLaw";
  const wrong = points.find(p => !(p.parameters > 0 && p.tokens > 0 && p.loss > 0));
  checkArgument(wrong === undefined, place, "parameters, tokens and losses above 0", JSON.stringify(wrong));
  const distinct = (of: (p: LossPointOfLaw) => number) => new Set(points.map(of)).size;
  const [sizes, tokens] = [distinct(p => p.parameters), distinct(p => p.tokens)];
  checkArgument(
    points.length >= leastPoints && sizes >= 2 && tokens >= 2,
    place,
    `at least ${leastPoints} runs of at least two sizes and two numbers of tokens`,
    `${points.length} of ${sizes} sizes and ${tokens} numbers of tokens`,
  );
}

/** The law of some runs. Errors: statistics/argument for fewer than six runs, or of one size or one number of tokens alone. */
export function fitLossLaw(points: readonly LossPointOfLaw[]): LossLaw {
  checkPoints(points);
  return bestFit(points).law;
}

const bestFit = (points: readonly LossPointOfLaw[]): Fit =>
  startExponents
    .flatMap(a => startExponents.map(b => [a, b] as const))
    .map(start => ({ start, fit: fitFor(points, ...start) }))
    .sort((a, b) => a.fit.cost - b.fit.cost)
    .slice(0, 5)
    .map(({ start }) => descend(points, start))
    .sort((a, b) => a.cost - b.cost)[0]!;

/**
 * The loss of another run with a 95 % prediction interval. Every draw has noise of a size of its own, as uncertain as few runs leave it (a scaled inverse
 * chi-square), new losses of all runs, a law fitted to them, and a new loss at the target. Errors: statistics/argument.
 */
export function predictLoss(
  points: readonly LossPointOfLaw[],
  target: Pick<LossPointOfLaw, "parameters" | "tokens">,
  { draws = 300, seed = "loss law" }: { readonly draws?: number; readonly seed?: number | string } = {},
): PredictedLoss {
  const law = fitLossLaw(points);
  const fitted = points.map(p => lossAt(law, p));
  // five numbers were chosen by the fit
  const free = Math.max(1, points.length - 5);
  const squares = Math.max(
    free * leastNoise ** 2,
    points.reduce((s, p, i) => s + (p.loss / fitted[i]! - 1) ** 2, 0),
  );
  const r = random(seed);
  const losses = Float64Array.from({ length: draws }, () => {
    const chiSquare = Array.from({ length: free }, () => r.normal() ** 2).reduce((s, x) => s + x, 0);
    const noise = Math.sqrt(squares / chiSquare);
    const again = points.map((p, i) => ({ ...p, loss: fitted[i]! * Math.exp(noise * r.normal()) }));
    const start = [law.parameterExponent, law.tokenExponent] as const;
    return lossAt(descend(again, start, 0.2, 0.02).law, target) * Math.exp(noise * r.normal());
  }).sort();
  const loss = lossAt(law, target);
  return { loss, low: Math.min(loss, quantile(losses, 0.025)), high: Math.max(loss, quantile(losses, 0.975)) };
}
