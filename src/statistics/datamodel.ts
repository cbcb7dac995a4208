/**
 * Linear datamodelling score (Park et al. 2023, "TRAK", section 2): how well a method that attributes a model's outputs to training items predicts what
 * models that are retrained on random subsets put out. The prediction for a subset is the sum of its items' scores; the score of a method is Spearman's
 * correlation of predicted and actual outputs over the subsets, averaged over the targets.
 */
import { random } from "../base/index.ts";
import { checkArgument } from "./errors.ts";
import type { Interval } from "./proportion.ts";
import { drawnSpearman } from "./rank.ts";
import { quantile } from "./resampling.ts";

/** Models that were retrained, and what they put out. */
export interface RetrainedModels {
  /** Training items of each model's subset, as indices. */
  readonly subsets: readonly ArrayLike<number>[];
  /** Output of each model for each target. */
  readonly outputs: readonly ArrayLike<number>[];
}
/** Scores of each target: a row of one number a training item. */
export type AttributionScores = readonly ArrayLike<number>[];

export interface DatamodelingScore extends Interval {
  /** Mean over the targets whose outputs vary; NaN where none does. */
  readonly value: number;
  /** Of each target. */
  readonly targets: readonly number[];
}
export interface DatamodelingOptions {
  readonly draws?: number;
  readonly confidence?: number;
  readonly seed?: number | string;
}
interface DatamodelingScores<M extends string> {
  readonly scores: Readonly<Record<M, DatamodelingScore>>;
  /** Score of one method less that of another, of the same draws. */
  difference(of: M, from: M): Interval & { readonly value: number };
}

const meanOf = (values: readonly number[]): number => {
  const known = values.filter(v => !Number.isNaN(v));
  return known.length === 0 ? Number.NaN : known.reduce((a, b) => a + b, 0) / known.length;
};

function intervalOf(value: number, drawn: readonly number[], confidence: number): Interval & { readonly value: number } {
  const sorted = drawn.filter(v => !Number.isNaN(v)).sort((a, b) => a - b);
  if (sorted.length < 2) return { value, low: Number.NaN, high: Number.NaN };
  return { value, low: quantile(sorted, (1 - confidence) / 2), high: quantile(sorted, (1 + confidence) / 2) };
}

/**
 * Scores of several methods on the same models. Intervals are percentiles over draws of both subsets and targets (Owen 2007, the pigeonhole bootstrap): the
 * targets share the models, so drawing them alone would give intervals that are too short. Errors: statistics/argument.
 */
export function datamodelingScores<M extends string>(
  { subsets, outputs }: RetrainedModels,
  methods: Readonly<Record<M, AttributionScores>>,
  { draws = 1000, confidence = 0.95, seed = 1 }: DatamodelingOptions = {},
): DatamodelingScores<M> {
  const [models, targets] = [subsets.length, outputs[0]?.length ?? 0];
  checkArgument(models >= 3, "subsets", "those of 3 models or more", models);
  checkArgument(outputs.length === models, "outputs", `those of ${models} models`, outputs.length);
  checkArgument(targets > 0 && outputs.every(row => row.length === targets), "outputs", "as many targets of each model", targets);
  const names = Object.keys(methods) as M[];
  const correlations = names.map(name => {
    checkArgument(methods[name].length === targets, name, `scores of ${targets} targets`, methods[name].length);
    return Array.from({ length: targets }, (_, t) => {
      const row = methods[name][t]!;
      const predicted = subsets.map(items => Array.from(items).reduce((sum, i) => sum + row[i]!, 0));
      return drawnSpearman(
        predicted,
        outputs.map(o => o[t]!),
      );
    });
  });
  const every = Int32Array.from({ length: models }, (_, i) => i);
  const own = correlations.map(list => list.map(c => c(every)));
  const values = own.map(meanOf);
  const draw = random(seed);
  const drawn = names.map((): number[] => []);
  for (let d = 0; d < draws; d++) {
    const at = Int32Array.from({ length: models }, () => draw.below(models));
    const chosen = Array.from({ length: targets }, () => draw.below(targets));
    for (const [m, list] of correlations.entries()) {
      const known = new Map<number, number>();
      for (const t of chosen) if (!known.has(t)) known.set(t, list[t]!(at));
      drawn[m]!.push(meanOf(chosen.map(t => known.get(t)!)));
    }
  }
  const scores: Partial<Record<M, DatamodelingScore>> = {};
  for (const [m, name] of names.entries()) scores[name] = { ...intervalOf(values[m]!, drawn[m]!, confidence), targets: own[m]! };
  return {
    scores: scores as Record<M, DatamodelingScore>,
    difference(of, from) {
      const [a, b] = [names.indexOf(of), names.indexOf(from)];
      return intervalOf(
        values[a]! - values[b]!,
        drawn[a]!.map((v, d) => v - drawn[b]![d]!),
        confidence,
      );
    },
  };
}
