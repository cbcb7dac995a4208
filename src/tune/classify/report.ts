/**
 * The one report on the test part: every system's scores with bootstrap intervals over groups of near-duplicates, and the tuned model beside each
 * baseline on the same texts: the paired interval of the difference in F1, and McNemar's test of who is right where.
 */
import { type Averages, type ClassScore, calibrationError, classificationScores, confusion, reliability } from "../../evaluate/index.ts";
import { bootstrapAll, type McNemar, mcNemar } from "../../statistics/index.ts";
import { drawScorer } from "./draw-scores.ts";

export interface ScoreRange {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
export interface SystemScore {
  readonly name: string;
  readonly kind: "model" | "baseline";
  readonly accuracy: ScoreRange;
  readonly macro: Averages;
  readonly macroF1: ScoreRange;
  readonly mcc: number;
  readonly classes: readonly (ClassScore & { readonly f1Range: ScoreRange })[];
}
export interface PairedComparison {
  readonly against: string;
  /** Macro F1 of the model less the other's. */
  readonly difference: ScoreRange;
  readonly mcNemar: McNemar;
  readonly verdict: "better" | "worse" | "no significant difference";
}
export interface WrongText {
  readonly id: string;
  readonly truth: string;
  readonly predicted: string;
  /** The model's own probability of what it said. */
  readonly probability: number;
}
/** Whether the model's probabilities mean what they say. */
export interface Calibration {
  /** Expected calibration error of the class it says, bins of equal mass. */
  readonly error: number;
  /** Nats a text. */
  readonly logLoss: number;
}
export interface ClassificationReport {
  readonly task: "classification";
  readonly model: { readonly artifact: string; readonly name: string };
  readonly label: string;
  readonly classes: readonly string[];
  readonly test: { readonly documents: number; readonly groups: number; readonly counts: Readonly<Record<string, number>> };
  readonly confidence: number;
  /** From best to worst by macro F1. */
  readonly scores: readonly SystemScore[];
  readonly comparisons: readonly PairedComparison[];
  readonly calibration: Calibration;
  /** What it is surest of and wrong about. */
  readonly wrongest: readonly WrongText[];
}

export interface System {
  readonly name: string;
  readonly kind: SystemScore["kind"];
  readonly predicted: Int32Array;
}
export interface ReportMaterial {
  readonly classes: readonly string[];
  readonly truth: Int32Array;
  readonly groups: readonly string[];
  readonly model: System;
  readonly baselines: readonly System[];
}

const confidence = 0.95;
const draws = 1000;

/** Scores and comparisons; a function of the answers alone. */
export function compareSystems(
  m: ReportMaterial,
): Pick<ClassificationReport, "scores" | "comparisons" | "confidence"> & { readonly groups: number } {
  const { classes, truth } = m;
  const numbers = new Map<string, number>();
  const clusters = Int32Array.from(m.groups, g => {
    const found = numbers.get(g) ?? numbers.size;
    numbers.set(g, found);
    return found;
  });
  const on = (s: System) => classificationScores(confusion({ classes, truth, predicted: s.predicted }));
  const systems = [m.model, ...m.baselines];
  const scorers = systems.map(s => drawScorer(classes.length, truth, s.predicted));
  // of every system accuracy, macro F1 and F1 of each class; then macro F1 of the model less each baseline's
  const width = 2 + classes.length;
  const drawn = new Float64Array(systems.length * width + m.baselines.length);
  const ranges = bootstrapAll(
    truth.length,
    items => {
      for (const [i, score] of scorers.entries()) drawn.set(score(items), i * width);
      for (let b = 1; b < systems.length; b++) drawn[systems.length * width + b - 1] = drawn[1]! - drawn[b * width + 1]!;
      return drawn;
    },
    { draws, confidence, clusters },
    // every draw alike, as where nothing is wrong: the interval is the value
  ).map(({ value, low, high }): ScoreRange => (Number.isNaN(low) ? { value, low: value, high: value } : { value, low, high }));
  const scoreOf = (s: System, at: number): SystemScore => {
    const scores = on(s);
    const own = ranges.slice(at * width, (at + 1) * width);
    return {
      name: s.name,
      kind: s.kind,
      accuracy: own[0]!,
      macro: scores.macro,
      macroF1: own[1]!,
      mcc: scores.mcc,
      classes: scores.classes.map(row => ({ ...row, f1Range: own[2 + classes.indexOf(row.name)]! })),
    };
  };
  const right = (s: System, i: number) => s.predicted[i] === truth[i];
  const compare = (b: System, at: number): PairedComparison => {
    const difference = ranges[systems.length * width + at]!;
    let [onlyModel, onlyOther] = [0, 0];
    for (let i = 0; i < truth.length; i++) {
      if (right(m.model, i) && !right(b, i)) onlyModel++;
      if (!right(m.model, i) && right(b, i)) onlyOther++;
    }
    const verdict = difference.low > 0 ? "better" : difference.high < 0 ? "worse" : "no significant difference";
    return { against: b.name, difference, mcNemar: mcNemar(onlyModel, onlyOther), verdict };
  };
  return {
    confidence,
    groups: numbers.size,
    scores: systems.map(scoreOf).sort((a, b) => b.macroF1.value - a.macroF1.value),
    comparisons: m.baselines.map(compare),
  };
}

/** Of probabilities [text][class] and true classes. */
export function calibrationOf(probabilities: readonly (readonly number[])[], truth: Int32Array): Calibration {
  const said = probabilities.map(p => Math.max(...p));
  const right = probabilities.map((p, i) => p.indexOf(said[i]!) === truth[i]);
  const logLoss = probabilities.reduce((s, p, i) => s - Math.log(Math.max(p[truth[i]!]!, 2 ** -52)), 0) / truth.length;
  return { error: calibrationError(reliability({ positive: right, probability: said })), logLoss };
}
