/**
 * The report of a model that gives numbers: errors and agreement with bootstrap intervals over groups of near-duplicates, beside what the mean of the
 * texts that were trained on would get. A function of the answers alone.
 */
import { bootstrap, canDiffer, drawnPearson, drawnSpearman, labelPermutation, pearson, spearman } from "../../statistics/index.ts";
import type { ScoreRange } from "../classify/report.ts";

export const regressionMeasures = ["mae", "rmse", "r2", "pearson", "spearman"] as const;
export type RegressionMeasure = (typeof regressionMeasures)[number];

export interface RegressionReport {
  readonly task: "regression";
  readonly model: { readonly artifact: string; readonly name: string };
  readonly label: string;
  readonly test: { readonly documents: number; readonly groups: number; readonly mean: number; readonly deviation: number };
  readonly confidence: number;
  readonly scores: Readonly<Record<RegressionMeasure, ScoreRange>>;
  readonly baseline: {
    /** The mean number of the train side. */
    readonly value: number;
    readonly mae: ScoreRange;
    /** Mean absolute error of the model less the baseline's, on the same texts. */
    readonly difference: ScoreRange;
    /**
     * One-sided p of a permutation test of the mean absolute error: numbers exchanged between groups. The mean is not what has the least absolute error, so a
     * constant may be better than it. Absent in reports of earlier versions.
     */
    readonly chance?: number;
    readonly verdict: "better" | "worse" | "no better than chance" | "no significant difference";
  };
  /** Where it is off most. */
  readonly worst: readonly { readonly id: string; readonly truth: number; readonly predicted: number }[];
}

const confidence = 0.95;
const draws = 1000;
const permutations = 2000;
/** As of classifiers (`chanceTest`). */
const chanceLevel = 0.01;

interface Answers {
  readonly truth: readonly number[];
  readonly predicted: readonly number[];
}
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;

/** Measures of some of the answers. R² is 1 - squared errors over squared deviations from the mean: 0 for that mean, below it for what is worse. */
export const regressionOf: { readonly [M in RegressionMeasure]: (a: Answers) => number } = {
  mae: ({ truth, predicted }) => mean(truth.map((y, i) => Math.abs(y - predicted[i]!))),
  rmse: ({ truth, predicted }) => Math.sqrt(mean(truth.map((y, i) => (y - predicted[i]!) ** 2))),
  r2: ({ truth, predicted }) => {
    const middle = mean(truth);
    return 1 - mean(truth.map((y, i) => (y - predicted[i]!) ** 2)) / mean(truth.map(y => (y - middle) ** 2));
  },
  pearson: ({ truth, predicted }) => pearson(predicted, truth),
  spearman: ({ truth, predicted }) => spearman(predicted, truth),
};

export function compareRegression(
  a: Answers & { readonly groups: readonly string[]; readonly baseline: number },
): Pick<RegressionReport, "confidence" | "scores" | "baseline"> & { readonly groups: number } {
  const numbers = new Map<string, number>();
  const clusters = Int32Array.from(a.groups, g => {
    const found = numbers.get(g) ?? numbers.size;
    numbers.set(g, found);
    return found;
  });
  const range = (statistic: (items: Int32Array) => number): ScoreRange => {
    const { value, low, high } = bootstrap(a.truth.length, statistic, { draws, confidence, clusters });
    return Number.isNaN(low) ? { value, low: value, high: value } : { value, low, high };
  };
  const picked = (values: readonly number[], items: Int32Array): number[] => {
    const out = new Array<number>(items.length);
    for (let i = 0; i < items.length; i++) out[i] = values[items[i]!]!;
    return out;
  };
  const ofPart = (statistic: (part: Answers) => number) => (items: Int32Array) =>
    statistic({ truth: picked(a.truth, items), predicted: picked(a.predicted, items) });
  const drawn: { readonly [M in RegressionMeasure]: (items: Int32Array) => number } = {
    mae: ofPart(regressionOf.mae),
    rmse: ofPart(regressionOf.rmse),
    r2: ofPart(regressionOf.r2),
    pearson: drawnPearson(a.predicted, a.truth),
    spearman: drawnSpearman(a.predicted, a.truth),
  };
  const byMean = ({ truth }: Answers) => mean(truth.map(y => Math.abs(y - a.baseline)));
  const difference = range(ofPart(part => regressionOf.mae(part) - byMean(part)));
  const isTold = canDiffer(numbers.size, confidence);
  const errorOf = (order: Int32Array) => {
    let sum = 0;
    for (let i = 0; i < order.length; i++) sum += Math.abs(a.truth[order[i]!]! - a.predicted[i]!);
    return sum / order.length;
  };
  const places = Int32Array.from(a.truth, (_, i) => i);
  const { p: chance } = labelPermutation(places, order => -errorOf(order), { draws: permutations, clusters });
  return {
    confidence,
    groups: numbers.size,
    scores: Object.fromEntries(regressionMeasures.map(m => [m, range(drawn[m])])) as Record<RegressionMeasure, ScoreRange>,
    baseline: {
      value: a.baseline,
      mae: range(ofPart(byMean)),
      difference,
      chance,
      verdict:
        isTold && difference.low > 0
          ? "worse"
          : !(chance < chanceLevel)
            ? "no better than chance"
            : isTold && difference.high < 0
              ? "better"
              : "no significant difference",
    },
  };
}
