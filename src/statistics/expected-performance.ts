/**
 * Quality without labels: confidence-based performance estimation (CBPE, NannyML; Guillory and others 2021 for accuracy). Where probabilities are calibrated, each
 * item is of each class with its probability, so the confusion matrix that labels would give is known on average. It sees a shift of inputs towards items that
 * the model is unsure of. It is blind to a change of what inputs mean (concept shift): the probabilities are wrong then, and nothing here can tell.
 */
import { type Random, random } from "../base/index.ts";
import { checkArgument, outOf } from "./errors.ts";
import { quantile } from "./resampling.ts";

export interface UnlabelledPredictions {
  /** Calibrated probability of each class by item [items][classes]; rows add up to 1. */
  readonly probabilities: ArrayLike<ArrayLike<number>>;
  /** Class that was predicted by item (default: the most probable one). */
  readonly predicted?: ArrayLike<number> | undefined;
}

export interface ExpectedOptions {
  /** With two classes: the positive one (default 1). Precision, recall, F1 and AUC are its own; with more classes they are means over classes. */
  readonly positive?: number;
  /** Draws of labels for the interval (default 500). */
  readonly draws?: number;
  readonly confidence?: number;
  readonly seed?: number | string;
}

export const performanceFigures = ["accuracy", "precision", "recall", "f1", "auc", "logLoss"] as const;
export type PerformanceFigure = (typeof performanceFigures)[number];

/** A figure that labels would give: its expectation, and where it would lie. */
export interface ExpectedFigure {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Null where a figure is not defined: precision without a predicted positive, AUC without both classes. */
export type ExpectedPerformance = Readonly<Record<PerformanceFigure, ExpectedFigure | null>> & { readonly items: number };

/** Weight of each class by item: probabilities, or one label's 1. */
type WeightOf = (item: number, label: number) => number;

interface Prepared {
  readonly items: number;
  readonly classes: number;
  readonly probabilities: ArrayLike<ArrayLike<number>>;
  readonly predicted: Int32Array;
  /** Classes that figures are taken of, and for each the items by falling probability. */
  readonly scored: readonly { readonly label: number; readonly order: Uint32Array }[];
}

function prepare({ probabilities, predicted }: UnlabelledPredictions, positive: number): Prepared {
  const items = probabilities.length;
  checkArgument(items > 0, "probabilities", "an item or more", items);
  const classes = probabilities[0]!.length;
  checkArgument(classes >= 2, "probabilities[0]", "two classes or more", classes);
  checkArgument(predicted === undefined || predicted.length === items, "predicted", `${items} classes, one an item`, predicted?.length);
  const labels = new Int32Array(items);
  for (let i = 0; i < items; i++) {
    const row = probabilities[i]!;
    checkArgument(row.length === classes, `probabilities[${i}]`, `${classes} probabilities`, row.length);
    let [sum, best] = [0, 0];
    for (let c = 0; c < classes; c++) {
      checkArgument(row[c]! >= 0 && row[c]! <= 1, `probabilities[${i}][${c}]`, "a number from 0 to 1", row[c]);
      sum += row[c]!;
      if (row[c]! > row[best]!) best = c;
    }
    checkArgument(Math.abs(sum - 1) < 1e-3, `probabilities[${i}]`, "probabilities that add up to 1", sum);
    labels[i] = predicted ? predicted[i]! : best;
    checkArgument(
      Number.isInteger(labels[i]) && labels[i]! >= 0 && labels[i]! < classes,
      `predicted[${i}]`,
      `a class from 0 to ${classes - 1}`,
      predicted?.[i],
    );
  }
  if (classes === 2) checkArgument(positive === 0 || positive === 1, "positive", "0 or 1", positive);
  const scored = (classes === 2 ? [positive] : Array.from({ length: classes }, (_, c) => c)).map(label => ({
    label,
    order: Uint32Array.from({ length: items }, (_, i) => i).sort((a, b) => probabilities[b]![label]! - probabilities[a]![label]!),
  }));
  return { items, classes, probabilities, predicted: labels, scored };
}

/** Area under the ROC curve of items that are positive by a weight from 0 to 1; ties count half. */
function weightedArea(order: Uint32Array, score: (item: number) => number, weight: (item: number) => number): number | null {
  let [above, area, ups, downs] = [0, 0, 0, 0];
  for (let k = 0; k < order.length; ) {
    let [up, down] = [0, 0];
    const level = score(order[k]!);
    for (; k < order.length && score(order[k]!) === level; k++) {
      const w = weight(order[k]!);
      up += w;
      down += 1 - w;
    }
    area += down * (above + up / 2);
    above += up;
    ups += up;
    downs += down;
  }
  return ups > 0 && downs > 0 ? area / (ups * downs) : null;
}

const ratio = (over: number, under: number): number | null => (under > 0 ? over / under : null);

/** All figures, labels given by weights. */
function figuresOf(
  { items, probabilities, predicted, scored }: Prepared,
  weightOf: WeightOf,
  logLoss: number,
): Record<PerformanceFigure, number | null> {
  let right = 0;
  for (let i = 0; i < items; i++) right += weightOf(i, predicted[i]!);
  const each = scored.map(({ label, order }) => {
    let [hits, said, real] = [0, 0, 0];
    for (let i = 0; i < items; i++) {
      const w = weightOf(i, label);
      real += w;
      if (predicted[i] !== label) continue;
      said++;
      hits += w;
    }
    return {
      precision: ratio(hits, said),
      recall: ratio(hits, real),
      f1: ratio(2 * hits, said + real),
      auc: weightedArea(
        order,
        i => probabilities[i]![label]!,
        i => weightOf(i, label),
      ),
    };
  });
  const mean = (figure: "precision" | "recall" | "f1" | "auc") => {
    let [sum, known] = [0, 0];
    for (const of of each)
      if (of[figure] !== null) {
        sum += of[figure];
        known++;
      }
    return known > 0 ? sum / known : null;
  };
  return { accuracy: right / items, precision: mean("precision"), recall: mean("recall"), f1: mean("f1"), auc: mean("auc"), logLoss };
}

/** A probability of 0 that came true is no infinite loss, as scikit-learn's `log_loss` has it. */
const leastProbability = 2 ** -52;

function drawLabels({ items, classes, probabilities }: Prepared, draw: Random, labels: Int32Array): number {
  let loss = 0;
  for (let i = 0; i < items; i++) {
    const row = probabilities[i]!;
    let [label, left] = [0, draw.uniform()];
    while (label < classes - 1 && left >= row[label]!) left -= row[label++]!;
    labels[i] = label;
    loss -= Math.log(Math.max(leastProbability, row[label]!));
  }
  return loss / items;
}

/**
 * What labels would say of predictions, with the interval in which the figures of just these items would lie: the chance of labels is in it, errors of the
 * calibration are not. Errors: statistics/argument.
 */
export function expectedPerformance(
  predictions: UnlabelledPredictions,
  { positive = 1, draws = 500, confidence = 0.95, seed = 1 }: ExpectedOptions = {},
): ExpectedPerformance {
  checkArgument(Number.isInteger(draws) && draws >= 20, "draws", "a whole number from 20", draws);
  outOf(confidence, "confidence");
  const prepared = prepare(predictions, positive);
  const { items, probabilities, classes } = prepared;
  let entropy = 0;
  for (let i = 0; i < items; i++)
    for (let c = 0; c < classes; c++) {
      const p = probabilities[i]![c]!;
      if (p > 0) entropy -= (p * Math.log(p)) / items;
    }
  const expected = figuresOf(prepared, (i, label) => probabilities[i]![label]!, entropy);
  const draw = random(seed);
  const labels = new Int32Array(items);
  const drawn: Record<PerformanceFigure, number[]> = { accuracy: [], precision: [], recall: [], f1: [], auc: [], logLoss: [] };
  for (let d = 0; d < draws; d++) {
    const loss = drawLabels(prepared, draw, labels);
    const figures = figuresOf(prepared, (i, label) => (labels[i] === label ? 1 : 0), loss);
    for (const figure of performanceFigures) if (figures[figure] !== null) drawn[figure].push(figures[figure]);
  }
  const told = (figure: PerformanceFigure): ExpectedFigure | null => {
    const value = expected[figure];
    const sorted = Float64Array.from(drawn[figure]).sort();
    if (value === null || sorted.length === 0) return null;
    return { value, low: quantile(sorted, (1 - confidence) / 2), high: quantile(sorted, (1 + confidence) / 2) };
  };
  return {
    items,
    accuracy: told("accuracy"),
    precision: told("precision"),
    recall: told("recall"),
    f1: told("f1"),
    auc: told("auc"),
    logLoss: told("logLoss"),
  };
}
