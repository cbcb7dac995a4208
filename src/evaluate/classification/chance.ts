/**
 * Whether a classifier is better than chance: balanced accuracy, which is 1 / classes for predictions that know nothing of the labels however frequent the
 * classes are, with its interval and a label-permutation test. Macro F1 has no such null: random guesses exceed the majority class in it.
 */
import { bootstrap, labelPermutation } from "../../statistics/index.ts";
import type { LabelledPair } from "./confusion.ts";

export interface ChanceTest {
  /** Balanced accuracy with its 95 % bootstrap interval. */
  readonly balancedAccuracy: { readonly value: number; readonly low: number; readonly high: number };
  /** What permuted labels give: their mean, and what 5 % of them exceed. */
  readonly chance: number;
  readonly chanceHigh: number;
  /** One-sided p of the label-permutation test. */
  readonly p: number;
  readonly verdict: ChanceVerdict;
}
export const chanceVerdicts = ["better than chance", "no better than chance"] as const;
export type ChanceVerdict = (typeof chanceVerdicts)[number];

/** Stricter than an interval of 95 %: who tunes often would soon find a success among shuffled labels. */
const level = 0.01;
const draws = 2000;
const bootstrapDraws = 1000;

/** Mean recall of the classes that have items. `classes`: how many there are. */
export function balancedAccuracyOf(
  classes: number,
  predicted: ArrayLike<number>,
): (truth: ArrayLike<number>, items?: ArrayLike<number>) => number {
  const [support, right] = [new Float64Array(classes), new Float64Array(classes)];
  return (truth, items) => {
    support.fill(0);
    right.fill(0);
    const n = items ? items.length : truth.length;
    for (let k = 0; k < n; k++) {
      const i = items ? items[k]! : k;
      const t = truth[i]!;
      support[t]!++;
      if (predicted[i] === t) right[t]!++;
    }
    let [sum, present] = [0, 0];
    for (let c = 0; c < classes; c++) {
      if (support[c] === 0) continue;
      sum += right[c]! / support[c]!;
      present++;
    }
    return sum / present;
  };
}

/** `clusters`: of each item, items that belong together (near-duplicates). Same items, same figures. Errors: statistics/argument. */
export function chanceTest({ classes, truth, predicted }: LabelledPair, clusters?: ArrayLike<number>): ChanceTest {
  const score = balancedAccuracyOf(classes.length, predicted);
  const value = score(truth);
  const test = labelPermutation(truth, labels => score(labels), { draws, clusters, seed: "chance" });
  const { low, high } =
    truth.length < 2
      ? { low: Number.NaN, high: Number.NaN }
      : bootstrap(truth.length, items => score(truth, items), { draws: bootstrapDraws, clusters });
  return {
    // every draw alike, as where nothing is wrong: the interval is the value
    balancedAccuracy: Number.isNaN(low) ? { value, low: value, high: value } : { value, low, high },
    chance: test.nullMean,
    chanceHigh: test.nullHigh,
    p: test.p,
    verdict: test.p < level ? "better than chance" : "no better than chance",
  };
}

/** "no better than chance: balanced accuracy 0.482 [0.443, 0.524], permuted labels 0.500 (95 % below 0.534), p = 0.76" */
export function chanceSentence({ balancedAccuracy: b, chance, chanceHigh, p, verdict }: ChanceTest): string {
  const three = (x: number): string => x.toFixed(3);
  const interval = b.low === b.high ? "" : ` [${three(b.low)}, ${three(b.high)}]`;
  const pText = p < 0.001 ? "p < 0.001" : `p = ${three(p)}`;
  return `${verdict}: balanced accuracy ${three(b.value)}${interval}, permuted labels ${three(chance)} (95 % of them below ${three(chanceHigh)}), ${pText}`;
}
