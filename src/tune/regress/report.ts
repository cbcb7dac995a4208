/**
 * The report of a model that gives numbers: errors and agreement with bootstrap intervals over groups of near-duplicates, beside what the mean of the
 * texts that were trained on would get. A function of the answers alone.
 */

import type { ClassifierPooling } from "../../nn/index.ts";
import { bootstrap, canDiffer, drawnPearson, drawnSpearman, labelPermutation, pearson, spearman } from "../../statistics/index.ts";
import type { ScoreRange } from "../classify/report.ts";

export const regressionMeasures = ["mae", "rmse", "r2", "pearson", "spearman"] as const;
type RegressionMeasure = (typeof regressionMeasures)[number];

export const frozenNumbersFile = "answers.json";

/** How the frozen base was read, and what its linear model learnt from. */
export interface FrozenNumbersNote {
  readonly pooling: ClassifierPooling;
  /** Elements of a state. */
  readonly size: number;
  /** Strength of the penalty, chosen on the validation part. */
  readonly alpha: number;
  /** Texts that it learnt from, of all that train or select. */
  readonly texts: number;
  readonly ofTexts: number;
}
export interface FrozenNumbers extends FrozenNumbersNote {
  /** Of the test texts in their order. */
  readonly predicted: readonly number[];
}
/** Another system on the same texts. */
interface ComparedNumbers {
  readonly mae: ScoreRange;
  /** Mean absolute error of the model less its own. */
  readonly difference: ScoreRange;
  readonly verdict: "better" | "worse" | "no significant difference";
}

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
  /** Ridge regression on the frozen base; absent where it was not asked for, and in reports of earlier versions. */
  readonly frozen?: ComparedNumbers & FrozenNumbersNote;
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
  a: Answers & { readonly groups: readonly string[]; readonly baseline: number; readonly frozen?: readonly number[] },
): Pick<RegressionReport, "confidence" | "scores" | "baseline"> & { readonly groups: number; readonly frozen?: ComparedNumbers } {
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
  const errorsOf = (predicted: readonly number[]) => a.truth.map((y, i) => Math.abs(y - predicted[i]!));
  const compared = (predicted: readonly number[], isBetterThanChance: boolean): ComparedNumbers => {
    const [own, other] = [errorsOf(a.predicted), errorsOf(predicted)];
    const apart = range(items => mean(picked(own, items)) - mean(picked(other, items)));
    const verdict =
      isTold && apart.low > 0 ? "worse" : isTold && isBetterThanChance && apart.high < 0 ? "better" : "no significant difference";
    return { mae: range(items => mean(picked(other, items))), difference: apart, verdict };
  };
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
    ...(a.frozen ? { frozen: compared(a.frozen, chance < chanceLevel) } : {}),
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
