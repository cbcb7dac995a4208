/**
 * CMA-ES (Hansen 2016, "The CMA evolution strategy: a tutorial", with its default settings): a normal distribution that moves and takes the shape
 * of what was good. The distribution is computed from the history each time, a generation after the other, so a study needs to keep nothing.
 */
import type { Random } from "../../../base/index.ts";
import { tuneErrors } from "../../errors.ts";
import { isChoice, placesOf, pointAt, type Space } from "../space.ts";
import { losses } from "../trial.ts";
import type { Sampler, SamplingSituation } from "./sampler.ts";

interface Distribution {
  mean: Float64Array;
  sigma: number;
  /** Covariance [d, d], symmetric. */
  covariance: Float64Array;
  pathOfSigma: Float64Array;
  pathOfCovariance: Float64Array;
}

/** Eigenvalues and, as columns of [d, d], eigenvectors of a symmetric matrix, by Jacobi's rotations. */
export function eigen(symmetric: Float64Array, d: number): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const a = Float64Array.from(symmetric);
  const v = Float64Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) off += a[i * d + j]! ** 2;
    if (off < 1e-30) break;
    for (let p = 0; p < d; p++)
      for (let q = p + 1; q < d; q++) {
        const apq = a[p * d + q]!;
        if (Math.abs(apq) < 1e-300) continue;
        const theta = (a[q * d + q]! - a[p * d + p]!) / (2 * apq);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < d; k++) {
          const [x, y] = [a[k * d + p]!, a[k * d + q]!];
          a[k * d + p] = c * x - s * y;
          a[k * d + q] = s * x + c * y;
        }
        for (let k = 0; k < d; k++) {
          const [x, y] = [a[p * d + k]!, a[q * d + k]!];
          a[p * d + k] = c * x - s * y;
          a[q * d + k] = s * x + c * y;
          const [e, f] = [v[k * d + p]!, v[k * d + q]!];
          v[k * d + p] = c * e - s * f;
          v[k * d + q] = s * e + c * f;
        }
      }
  }
  return { values: Float64Array.from({ length: d }, (_, i) => a[i * d + i]!), vectors: v };
}

/** The settings that follow from the number of dimensions (Hansen 2016, table 1). */
function settingsOf(d: number) {
  const size = 4 + Math.floor(3 * Math.log(d));
  const parents = Math.floor(size / 2);
  const raw = Array.from({ length: parents }, (_, i) => Math.log((size + 1) / 2) - Math.log(i + 1));
  const sum = raw.reduce((a, b) => a + b, 0);
  const weights = raw.map(w => w / sum);
  const mass = 1 / weights.reduce((s, w) => s + w * w, 0);
  const ofSigma = (mass + 2) / (d + mass + 5);
  const rankOne = 2 / ((d + 1.3) ** 2 + mass);
  return {
    size,
    parents,
    weights,
    mass,
    ofSigma,
    damping: 1 + 2 * Math.max(0, Math.sqrt((mass - 1) / (d + 1)) - 1) + ofSigma,
    ofPath: (4 + mass / d) / (d + 4 + (2 * mass) / d),
    rankOne,
    rankMany: Math.min(1 - rankOne, (2 * (mass - 2 + 1 / mass)) / ((d + 2) ** 2 + mass)),
    /** Expected length of a normal vector. */
    expected: Math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d)),
  };
}
type Settings = ReturnType<typeof settingsOf>;

/** C^(-1/2) times a vector. */
function whitened(covariance: Float64Array, vector: Float64Array): Float64Array {
  const d = vector.length;
  const { values, vectors } = eigen(covariance, d);
  const inner = Float64Array.from({ length: d }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < d; i++) sum += vectors[i * d + j]! * vector[i]!;
    return sum / Math.sqrt(Math.max(1e-20, values[j]!));
  });
  return vector.map((_, i) => inner.reduce((sum, v, j) => sum + vectors[i * d + j]! * v, 0));
}

/** One generation further; `best` are the places of its parents, the best first. */
function updated(at: Distribution, best: readonly Float64Array[], generation: number, o: Settings): Distribution {
  const d = at.mean.length;
  const steps = best.map(x => x.map((v, i) => (v - at.mean[i]!) / at.sigma));
  const step = Float64Array.from({ length: d }, (_, i) => steps.reduce((sum, y, k) => sum + o.weights[k]! * y[i]!, 0));
  const mean = at.mean.map((m, i) => m + at.sigma * step[i]!);
  const white = whitened(at.covariance, step);
  const pathOfSigma = at.pathOfSigma.map((p, i) => (1 - o.ofSigma) * p + Math.sqrt(o.ofSigma * (2 - o.ofSigma) * o.mass) * white[i]!);
  const length = Math.sqrt(pathOfSigma.reduce((s, v) => s + v * v, 0));
  const isSteady = length / Math.sqrt(1 - (1 - o.ofSigma) ** (2 * (generation + 1))) < (1.4 + 2 / (d + 1)) * o.expected;
  const pathOfCovariance = at.pathOfCovariance.map(
    (p, i) => (1 - o.ofPath) * p + (isSteady ? Math.sqrt(o.ofPath * (2 - o.ofPath) * o.mass) * step[i]! : 0),
  );
  const kept = 1 - o.rankOne - o.rankMany + (isSteady ? 0 : o.rankOne * o.ofPath * (2 - o.ofPath));
  const covariance = at.covariance.map((c, at2) => {
    const [i, j] = [Math.floor(at2 / d), at2 % d];
    const many = steps.reduce((sum, y, k) => sum + o.weights[k]! * y[i]! * y[j]!, 0);
    return kept * c + o.rankOne * pathOfCovariance[i]! * pathOfCovariance[j]! + o.rankMany * many;
  });
  const sigma = at.sigma * Math.exp(Math.min(1, (o.ofSigma / o.damping) * (length / o.expected - 1)));
  return { mean, sigma, covariance, pathOfSigma, pathOfCovariance };
}

function distributionOf({ space, trials, objectives }: SamplingSituation, o: Settings): Distribution {
  const d = Object.keys(space).length;
  let at: Distribution = {
    mean: new Float64Array(d).fill(0.5),
    sigma: 1 / 6,
    covariance: Float64Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0)),
    pathOfSigma: new Float64Array(d),
    pathOfCovariance: new Float64Array(d),
  };
  const done = trials.filter(t => t.state === "done");
  for (let g = 0; (g + 1) * o.size <= done.length; g++) {
    const members = done
      .slice(g * o.size, (g + 1) * o.size)
      .map(t => ({ places: placesOf(space, t.point), loss: losses(t.values!, objectives)[0]! }));
    members.sort((a, b) => a.loss - b.loss);
    at = updated(
      at,
      members.slice(0, o.parents).map(m => m.places),
      g,
      o,
    );
  }
  return at;
}

function sampled(at: Distribution, draw: Random): Float64Array {
  const d = at.mean.length;
  const { values, vectors } = eigen(at.covariance, d);
  for (let tries = 0; ; tries++) {
    const z = values.map(v => Math.sqrt(Math.max(0, v)) * draw.normal());
    const x = at.mean.map((m, i) => m + at.sigma * z.reduce((sum, v, j) => sum + vectors[i * d + j]! * v, 0));
    if (tries >= 100 || x.every(v => v >= 0 && v <= 1)) return x.map(v => Math.min(1, Math.max(0, v)));
  }
}

/** For numbers alone, all of them always chosen, and one objective. Errors: tune/option. */
export const cmaEsSampler: Sampler = {
  name: "cma-es",
  suggest(situation) {
    const { space, objectives } = situation;
    checkNumbers(space);
    if (objectives.length !== 1)
      throw tuneErrors.fail("option", {
        place: "sampler",
        expected: "one objective for cma-es",
        received: String(objectives.length),
        hint: "Use tpe or gp.",
      });
    return pointAt(space, sampled(distributionOf(situation, settingsOf(Object.keys(space).length)), situation.draw));
  },
};

function checkNumbers(space: Space): void {
  for (const [name, p] of Object.entries(space))
    if (isChoice(p) || p.when)
      throw tuneErrors.fail("option", {
        place: `space.${name}`,
        expected: "a range without a condition, as cma-es needs them",
        received: isChoice(p) ? "options" : "a condition",
        hint: "Use tpe, gp or random.",
      });
}
