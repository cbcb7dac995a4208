/**
 * How good a model is on requests that nobody labelled: confidence-based performance estimation (CBPE), which takes the model's probabilities at their word.
 * A text given class `j` with probabilities `p` adds `p[c]` to the expected confusion matrix at `[j][c]`. So sums suffice: they add up over servers and
 * days, and no request is kept. Right as far as the probabilities are calibrated on this traffic; a drift of the classes' meaning is not seen by it.
 */
import type { Json } from "../../base/index.ts";
import { type Interval, studentQuantile } from "../../statistics/index.ts";

/** Sums of what a version told. All are plain numbers: `addSums` is associative and commutative. */
export interface QualitySums {
  readonly responses: number;
  /** Responses that are remembered until labels come. */
  readonly remembered: number;
  readonly texts: number;
  /** Of the class told: sum of its probabilities, of their squares, and of p (1 - p). */
  readonly confidence: number;
  readonly confidenceSquares: number;
  readonly variance: number;
  /** Entropy of the probabilities, which is the log loss that calibrated ones expect; and its squares. */
  readonly entropy: number;
  readonly entropySquares: number;
  /** Expected texts by class told and right class; of models with more classes than `mostClasses` none. */
  readonly matrix: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Answers whose tokens' log-probabilities are known: their number, the sum of their mean negative log-probabilities in nats, and of the squares. */
  readonly answers: number;
  readonly nll: number;
  readonly nllSquares: number;
}

export const noSums: QualitySums = {
  responses: 0,
  remembered: 0,
  texts: 0,
  confidence: 0,
  confidenceSquares: 0,
  variance: 0,
  entropy: 0,
  entropySquares: 0,
  matrix: {},
  answers: 0,
  nll: 0,
  nllSquares: 0,
};

/** Classes with a row in the expected confusion matrix: 32 x 32 numbers a version and day. */
const mostClasses = 32;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type GrowingSums = Mutable<Omit<QualitySums, "matrix">> & { matrix: Record<string, Record<string, number>> };
export const growingSums = (): GrowingSums => ({ ...noSums, matrix: {} });

/** Counts what a classifier told of a text, in place. A reading that is no distribution (NaN) counts for nothing. */
export function countReading(sums: GrowingSums, told: string, labels: readonly string[], probabilities: ArrayLike<number>): void {
  let [entropy, own] = [0, Number.NaN];
  for (let c = 0; c < labels.length; c++) {
    const p = probabilities[c]!;
    if (!(p >= 0 && p <= 1)) return;
    if (p > 0) entropy -= p * Math.log(p);
    if (labels[c] === told) own = p;
  }
  if (Number.isNaN(own)) return;
  sums.texts++;
  sums.confidence += own;
  sums.confidenceSquares += own * own;
  sums.variance += own * (1 - own);
  sums.entropy += entropy;
  sums.entropySquares += entropy * entropy;
  if (labels.length > mostClasses) return;
  sums.matrix[told] ??= {};
  const row = sums.matrix[told];
  for (let c = 0; c < labels.length; c++) row[labels[c]!] = (row[labels[c]!] ?? 0) + probabilities[c]!;
}

/** Counts an answer by the mean negative log-probability of its tokens, in place. */
export function countAnswer(sums: GrowingSums, nll: number): void {
  if (!Number.isFinite(nll)) return;
  sums.answers++;
  sums.nll += nll;
  sums.nllSquares += nll * nll;
}

export function addSums(a: QualitySums, b: QualitySums): QualitySums {
  const matrix: Record<string, Record<string, number>> = {};
  for (const from of [a.matrix, b.matrix])
    for (const [told, row] of Object.entries(from)) {
      matrix[told] ??= {};
      const into = matrix[told];
      for (const [label, p] of Object.entries(row)) into[label] = (into[label] ?? 0) + p;
    }
  const sum = (key: Exclude<keyof QualitySums, "matrix">): number => a[key] + b[key];
  return {
    responses: sum("responses"),
    remembered: sum("remembered"),
    texts: sum("texts"),
    confidence: sum("confidence"),
    confidenceSquares: sum("confidenceSquares"),
    variance: sum("variance"),
    entropy: sum("entropy"),
    entropySquares: sum("entropySquares"),
    matrix,
    answers: sum("answers"),
    nll: sum("nll"),
    nllSquares: sum("nllSquares"),
  };
}

export const sumsJson = (sums: QualitySums): Json => ({ ...sums, matrix: { ...sums.matrix } });

export interface EstimatedClass {
  readonly label: string;
  /** Expected texts of the class. */
  readonly support: number;
  readonly predicted: number;
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
}

export interface EstimatedQuality {
  readonly texts: number;
  /** With the interval of what comes out on these very texts, if the probabilities are calibrated. */
  readonly accuracy: Interval | null;
  readonly macroF1: number | null;
  readonly logLoss: Interval | null;
  readonly classes: readonly EstimatedClass[];
  readonly answers: number;
  /** Mean over answers of the mean negative log-probability of their tokens, in nats. */
  readonly nll: Interval | null;
}

/** Standard normal quantile of 97.5 %. */
const z = 1.959963984540054;

/** A mean with Student's interval, from sums of values and squares. Null of fewer than 2 values. */
function meanOf(n: number, sum: number, squares: number): Interval | null {
  if (n < 2) return null;
  const value = sum / n;
  const half = studentQuantile(0.95, n - 1) * Math.sqrt(Math.max(0, squares - n * value * value) / (n - 1) / n);
  return { value, low: value - half, high: value + half };
}

const ratio = (a: number, b: number): number | null => (b > 0 ? a / b : null);

function estimatedClasses(matrix: QualitySums["matrix"]): EstimatedClass[] {
  const labels = [...new Set([...Object.keys(matrix), ...Object.values(matrix).flatMap(row => Object.keys(row))])].sort();
  return labels.map(label => {
    const right = matrix[label]?.[label] ?? 0;
    const predicted = Object.values(matrix[label] ?? {}).reduce((a, b) => a + b, 0);
    const support = Object.values(matrix).reduce((sum, row) => sum + (row[label] ?? 0), 0);
    return {
      label,
      support,
      predicted,
      precision: ratio(right, predicted),
      recall: ratio(right, support),
      f1: ratio(2 * right, predicted + support),
    };
  });
}

/** What calibrated probabilities expect of the texts that were summed. */
export function estimatedQuality(sums: QualitySums): EstimatedQuality {
  const { texts } = sums;
  const classes = estimatedClasses(sums.matrix);
  const f1s = classes.flatMap(c => c.f1 ?? []);
  const accuracy = sums.confidence / texts;
  const half = (z * Math.sqrt(sums.variance)) / texts;
  return {
    texts,
    accuracy: texts === 0 ? null : { value: accuracy, low: Math.max(0, accuracy - half), high: Math.min(1, accuracy + half) },
    macroF1: f1s.length === 0 ? null : f1s.reduce((a, b) => a + b, 0) / f1s.length,
    logLoss: meanOf(texts, sums.entropy, sums.entropySquares),
    classes,
    answers: sums.answers,
    nll: meanOf(sums.answers, sums.nll, sums.nllSquares),
  };
}
