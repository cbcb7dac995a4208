/**
 * Bayesian online change-point detection (Adams and MacKay 2007) for values whose mean and variance jump: how long ago the last jump was, as a distribution,
 * after each value. Normal values with unknown mean and variance, and the conjugate prior (normal-inverse-gamma); a jump at each value with the chance 1 /
 * `expectedRun`. The state is plain data.
 */
import { logGamma } from "../../statistics/index.ts";
import { checkSetting, checkValue } from "../errors.ts";

export interface ChangePointOptions {
  /** Values between jumps, on average, before anything is seen. */
  readonly expectedRun: number;
  /** What is believed of a mean before its first value, worth `weight` values: and of a variance, worth `varianceWeight`. */
  readonly prior: { readonly mean: number; readonly variance: number; readonly weight?: number; readonly varianceWeight?: number };
}

/** One length of the current run: its probability, and what its values say. */
interface RunBelief {
  readonly length: number;
  readonly probability: number;
  readonly mean: number;
  /** Values' worth of the mean, and of the variance. */
  readonly weight: number;
  readonly shape: number;
  readonly scale: number;
}

export interface ChangePointState {
  readonly runs: readonly RunBelief[];
  readonly seen: number;
}

export interface ChangePointDetector {
  readonly start: ChangePointState;
  observe(state: ChangePointState, value: number): ChangePointState;
}

/** Run lengths that are less probable are forgotten, and so are all but the most probable ones: a value takes the same time however long the stream is. */
const leastProbability = 1e-8;
const mostRuns = 200;

/** Log density of Student's t with `freedom` degrees, place and squared scale. */
function logStudent(x: number, freedom: number, place: number, squaredScale: number): number {
  const z = (x - place) ** 2 / squaredScale;
  return (
    logGamma((freedom + 1) / 2) -
    logGamma(freedom / 2) -
    0.5 * Math.log(freedom * Math.PI * squaredScale) -
    ((freedom + 1) / 2) * Math.log1p(z / freedom)
  );
}

/** Errors: watch/setting. */
export function changePointDetector({ expectedRun, prior }: ChangePointOptions): ChangePointDetector {
  const { mean, variance, weight = 0.1, varianceWeight = 2 } = prior;
  checkSetting(expectedRun > 1, "expectedRun", "a number above 1", expectedRun);
  checkSetting(Number.isFinite(mean), "prior.mean", "a finite number", mean);
  checkSetting(variance > 0 && Number.isFinite(variance), "prior.variance", "a number above 0", variance);
  checkSetting(weight > 0, "prior.weight", "a number above 0", weight);
  checkSetting(varianceWeight > 0, "prior.varianceWeight", "a number above 0", varianceWeight);
  const fresh: RunBelief = {
    length: 0,
    probability: 1,
    mean,
    weight,
    shape: varianceWeight / 2,
    scale: (variance * varianceWeight) / 2,
  };
  const hazard = 1 / expectedRun;
  return {
    start: { runs: [fresh], seen: 0 },
    observe({ runs, seen }, value) {
      checkValue(Number.isFinite(value), "value", "a finite number", value);
      const logs = runs.map(
        r => Math.log(r.probability) + logStudent(value, 2 * r.shape, r.mean, (r.scale * (r.weight + 1)) / (r.shape * r.weight)),
      );
      const largest = Math.max(...logs);
      const weights = logs.map(l => Math.exp(l - largest));
      const all = weights.reduce((a, b) => a + b, 0);
      const next: RunBelief[] = [{ ...fresh, probability: hazard }];
      for (const [i, r] of runs.entries()) {
        const probability = ((1 - hazard) * weights[i]!) / all;
        if (probability < leastProbability) continue;
        next.push({
          length: r.length + 1,
          probability,
          mean: (r.weight * r.mean + value) / (r.weight + 1),
          weight: r.weight + 1,
          shape: r.shape + 0.5,
          scale: r.scale + (r.weight * (value - r.mean) ** 2) / (2 * (r.weight + 1)),
        });
      }
      const likely =
        next.length <= mostRuns
          ? next
          : [
              next[0]!,
              ...next
                .slice(1)
                .sort((a, b) => b.probability - a.probability)
                .slice(0, mostRuns - 1),
            ].sort((a, b) => a.length - b.length);
      const kept = likely.reduce((sum, r) => sum + r.probability, 0);
      return { runs: likely.map(r => ({ ...r, probability: r.probability / kept })), seen: seen + 1 };
    },
  };
}

/** Probability that the last jump was at most so many values ago; the run that the first value began is no jump. */
export function jumpProbability({ runs, seen }: ChangePointState, within: number): number {
  let sum = 0;
  for (const r of runs) if (r.length <= within && r.length < seen) sum += r.probability;
  return sum;
}

/** Values since the last jump that are most probable. */
export const likeliestRun = ({ runs }: ChangePointState): number =>
  runs.reduce((best, r) => (r.probability > best.probability ? r : best)).length;
