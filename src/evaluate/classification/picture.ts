/**
 * What a table of scores leaves out of a classifier, as plain data that pages draw: the confusion matrix, what each threshold would give (ROC and
 * precision-recall curves, each class against the rest), and whether its probabilities mean what they say.
 */
import { averagePrecision, curveOf, rocArea } from "../../statistics/index.ts";
import { calibrationError, type ReliabilityBin, reliabilityBins } from "./calibration.ts";
import { type Confusion, confusion } from "./confusion.ts";

/** Items with a true class, as an index into `classes`, and a probability for each. */
export interface JudgedPoint {
  readonly classes: readonly string[];
  readonly truth: Int32Array;
  readonly probabilities: readonly ArrayLike<number>[];
  /** The class that each is told to be; the likeliest where absent. */
  readonly told?: Int32Array | undefined;
}

/** One class against the rest, by its probability: what taking all at a threshold and above gives, thresholds from the highest down. */
export interface DecisionCurve {
  readonly positive: string;
  readonly positives: number;
  readonly negatives: number;
  readonly rocArea: number;
  readonly averagePrecision: number;
  readonly thresholds: readonly number[];
  readonly recall: readonly number[];
  readonly falsePositiveRate: readonly number[];
  readonly precision: readonly number[];
}

/** Of the class that it says: expected calibration error, and bins of equal mass. */
export interface Reliability {
  readonly error: number;
  readonly bins: readonly ReliabilityBin[];
}

/** Items of a true class that were taken for a class, both as indices. */
export type ConfusionCell = readonly [truth: number, taken: number, items: number];

export interface ClassPicture {
  readonly classes: readonly string[];
  /** Cells with items. */
  readonly confusion: readonly ConfusionCell[];
  readonly curves: readonly DecisionCurve[];
  readonly reliability: Reliability;
}

/** Classes that get a curve, the most frequent ones: a page has no room for more. */
const mostCurves = 20;
/** Points of a curve, where it has more: a step of the sum of both rates, which goes from 0 to 2. */
const step = 2 / 100;
const rounded = (x: number): number => Math.round(x * 1e6) / 1e6;

function decisionCurve({ classes, truth, probabilities }: JudgedPoint, c: number): DecisionCurve {
  const positive = Uint8Array.from(truth, t => Number(t === c));
  const curve = curveOf({ positive, score: Float64Array.from(probabilities, p => p[c]!) });
  const { positives, negatives, thresholds, truePositives, falsePositives } = curve;
  const last = thresholds.length - 1;
  const kept: number[] = [];
  let next = 0;
  for (let i = 0; i <= last; i++) {
    const way = truePositives[i]! / positives + falsePositives[i]! / negatives;
    if (thresholds.length > 2 / step && way < next && i !== last) continue;
    kept.push(i);
    next = way + step;
  }
  return {
    positive: classes[c]!,
    positives,
    negatives,
    rocArea: rocArea(curve),
    averagePrecision: averagePrecision(curve),
    thresholds: kept.map(i => rounded(thresholds[i]!)),
    recall: kept.map(i => rounded(truePositives[i]! / positives)),
    falsePositiveRate: kept.map(i => rounded(falsePositives[i]! / negatives)),
    precision: kept.map(i => rounded(truePositives[i]! / (truePositives[i]! + falsePositives[i]!))),
  };
}

/** Cells of a table that have items. */
export const cellsOf = ({ classes: { length }, counts }: Confusion): ConfusionCell[] =>
  Array.from(counts).flatMap((n, cell) => (n > 0 ? [[Math.floor(cell / length), cell % length, n] as const] : []));

/** The first of the greatest. */
const greatest = (p: ArrayLike<number>): number => {
  let best = 0;
  for (let k = 1; k < p.length; k++) if (p[k]! > p[best]!) best = k;
  return best;
};

/** Of probabilities [item][class]: those of the class that is said, and whether that is right. */
export function reliabilityOf(probabilities: readonly ArrayLike<number>[], isRight: (item: number, said: number) => boolean): Reliability {
  const said = probabilities.map(greatest);
  const bins = reliabilityBins({
    positive: said.map((k, i) => isRight(i, k)),
    // a softmax may end a little above 1
    probability: probabilities.map((p, i) => Math.min(1, p[said[i]!]!)),
  });
  return { error: calibrationError(bins), bins };
}

/**
 * All of it; `positive` is the only class that gets a curve, where it is named. A class without an item, or without any other, has none. Errors:
 * evaluate/empty, evaluate/items, evaluate/score.
 */
export function classPicture(judged: JudgedPoint, positive?: string): ClassPicture {
  const { classes, truth, probabilities, told } = judged;
  const table = confusion({ classes, truth, predicted: told ?? Int32Array.from(probabilities, greatest) });
  const support = new Float64Array(classes.length);
  for (const t of truth) support[t]!++;
  const own = classes.flatMap((name, c) =>
    support[c]! > 0 && support[c]! < truth.length && (positive === undefined || name === positive) ? [c] : [],
  );
  return {
    classes,
    confusion: cellsOf(table),
    curves: own
      .toSorted((a, b) => support[b]! - support[a]!)
      .slice(0, mostCurves)
      .map(c => decisionCurve(judged, c)),
    reliability: reliabilityOf(probabilities, (i, k) => truth[i] === k),
  };
}
