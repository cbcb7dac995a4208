/**
 * The report on the test set: every system's scores with bootstrap intervals over groups of near-duplicates, whether each is better than chance, and
 * the tuned model beside each baseline on the same texts. The verdict of a comparison rests on balanced accuracy, whose value by chance is known:
 * guesses have a higher macro F1 than the majority class.
 */
import {
  type Averages,
  balancedAccuracyOf,
  type ChanceTest,
  type ClassScore,
  type ConfusionCell,
  cellsOf,
  chanceTest,
  classificationScores,
  confusion,
  type FairnessGroups,
  type FairnessTable,
  fitTemperature,
  type Reliability,
  reliabilityOf,
  type ThresholdReport,
} from "../../evaluate/index.ts";
import { bootstrapAll, canDiffer, type McNemar, mcNemar } from "../../statistics/index.ts";
import { probabilitiesOf } from "../text-head/predict.ts";
import type { FrozenNote } from "./baselines-stage.ts";
import type { DataWarning } from "./data-warnings.ts";
import { drawScorer } from "./draw-scores.ts";
import type { GroupThresholdReport } from "./group-thresholds.ts";
import type { SimilarityBand } from "./nearest-train.ts";

export interface ScoreRange {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
export interface SystemScore {
  readonly name: string;
  readonly kind: "model" | "baseline";
  readonly accuracy: ScoreRange;
  readonly balancedAccuracy: number;
  readonly macro: Averages;
  readonly macroF1: ScoreRange;
  readonly mcc: number;
  /** Absent in reports of earlier versions. */
  readonly chance?: ChanceTest;
  readonly classes: readonly (ClassScore & { readonly f1Range: ScoreRange })[];
}
export interface PairedComparison {
  readonly against: string;
  /** Macro F1 of the model minus the baseline's. */
  readonly difference: ScoreRange;
  /** The same of balanced accuracy, which decides the verdict; absent in reports of earlier versions. */
  readonly balancedAccuracy?: ScoreRange;
  readonly mcNemar: McNemar;
  readonly verdict: "better" | "worse" | "no significant difference";
}
interface WrongText {
  readonly id: string;
  /** Its beginning. */
  readonly text: string;
  readonly truth: string;
  readonly predicted: string;
  /** The model's own probability of what it said. */
  readonly probability: number;
}
/** Whether the model's probabilities mean what they say. */
interface Calibration extends Reliability {
  /** Nats a text. */
  readonly logLoss: number;
  /** What its logits would be divided by, fitted on the validation part, and what is left of the error then. */
  readonly temperature?: { readonly value: number; readonly error: number; readonly logLoss: number };
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
  /** Confusion matrix of the model, as indices into `classes`. */
  readonly confusion: readonly ConfusionCell[];
  readonly calibration: Calibration;
  /** Of the frozen base, where it is among the baselines. */
  readonly frozen?: FrozenNote;
  /** Where the recipe says what mistakes cost. */
  readonly threshold?: ThresholdReport;
  /** Of a classifier with thresholds of groups: decisions with and without them. */
  readonly groupThresholds?: GroupThresholdReport;
  /** Where the recipe names groups: the rule, and a table of each grouping. */
  readonly groups?: FairnessGroups;
  readonly fairness?: readonly FairnessTable[];
  /** What in the data could make the scores mean less than they say; absent in reports of earlier versions. */
  readonly warnings?: readonly DataWarning[];
  /** Accuracy by how near the nearest training text is. */
  readonly similarity?: readonly SimilarityBand[];
  /** What it is surest of and wrong about. */
  readonly wrongest: readonly WrongText[];
}

interface System {
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

/** With no error in n independent trials the 95 % bound of its rate is 3 / n (Hanley and Lippman-Hand 1983): a bootstrap of none has no width. */
const withoutErrors = (range: ScoreRange, groups: number): ScoreRange =>
  range.value === 1 && range.low === 1 ? { ...range, low: Math.max(0, 1 - 3 / groups) } : range;

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
  const balanced = systems.map(s => balancedAccuracyOf(classes.length, s.predicted));
  // of every system accuracy, macro F1 and F1 of each class; then of each baseline the model's macro F1 and balanced accuracy minus its own
  const width = 2 + classes.length;
  const differences = systems.length * width;
  const drawn = new Float64Array(differences + 2 * m.baselines.length);
  const ranges = bootstrapAll(
    truth.length,
    items => {
      for (const [i, score] of scorers.entries()) drawn.set(score(items), i * width);
      const own = balanced[0]!(truth, items);
      for (let b = 1; b < systems.length; b++) {
        drawn[differences + 2 * (b - 1)] = drawn[1]! - drawn[b * width + 1]!;
        drawn[differences + 2 * (b - 1) + 1] = own - balanced[b]!(truth, items);
      }
      return drawn;
    },
    { draws, confidence, clusters },
    // every draw alike, as where nothing is wrong: the interval is the value
  ).map(({ value, low, high }): ScoreRange => (Number.isNaN(low) ? { value, low: value, high: value } : { value, low, high }));
  const groupsOf = classes.map((_, c) => new Set(clusters.filter((_, i) => truth[i] === c)).size);
  const chances = systems.map(s => chanceTest({ classes, truth, predicted: s.predicted }, clusters));
  const scoreOf = (s: System, at: number): SystemScore => {
    const scores = on(s);
    const own = ranges.slice(at * width, (at + 1) * width);
    const ofClasses = classes.map((_, c) => withoutErrors(own[2 + c]!, groupsOf[c]!));
    const meanLow = ofClasses.reduce((sum, r) => sum + r.low, 0) / classes.length;
    return {
      name: s.name,
      kind: s.kind,
      accuracy: withoutErrors(own[0]!, numbers.size),
      balancedAccuracy: scores.balancedAccuracy,
      macro: scores.macro,
      macroF1: own[1]!.value === 1 && own[1]!.low === 1 ? { ...own[1]!, low: meanLow } : own[1]!,
      mcc: scores.mcc,
      chance: chances[at]!,
      classes: scores.classes.map(row => ({ ...row, f1Range: ofClasses[classes.indexOf(row.name)]! })),
    };
  };
  const right = (s: System, i: number) => s.predicted[i] === truth[i];
  const compare = (b: System, at: number): PairedComparison => {
    const [difference, balancedAccuracy] = [ranges[differences + 2 * at]!, ranges[differences + 2 * at + 1]!];
    let [onlyModel, onlyOther] = [0, 0];
    const differing = new Set<number>();
    for (let i = 0; i < truth.length; i++) {
      if (m.model.predicted[i] !== b.predicted[i]) differing.add(clusters[i]!);
      if (right(m.model, i) && !right(b, i)) onlyModel++;
      if (!right(m.model, i) && right(b, i)) onlyOther++;
    }
    const isTold = canDiffer(differing.size, confidence);
    const canBeBetter = isTold && chances[0]!.verdict === "better than chance";
    const verdict =
      canBeBetter && balancedAccuracy.low > 0 ? "better" : isTold && balancedAccuracy.high < 0 ? "worse" : "no significant difference";
    return { against: b.name, difference, balancedAccuracy, mcNemar: mcNemar(onlyModel, onlyOther), verdict };
  };
  return {
    confidence,
    groups: numbers.size,
    scores: systems.map(scoreOf).sort((a, b) => b.macroF1.value - a.macroF1.value),
    comparisons: m.baselines.map(compare),
  };
}

/** The table of the model's answers, without the empty cells. */
export const confusedOf = ({ classes, truth, model }: Pick<ReportMaterial, "classes" | "truth" | "model">): ConfusionCell[] =>
  cellsOf(confusion({ classes, truth, predicted: model.predicted }));

type Rows = readonly (readonly number[])[];
const logLossOf = (probabilities: Rows, truth: Int32Array): number =>
  probabilities.reduce((s, p, i) => s - Math.log(Math.max(p[truth[i]!]!, 2 ** -52)), 0) / truth.length;

/** Of probabilities [text][class] and true classes. */
export const calibrationOf = (probabilities: Rows, truth: Int32Array): Calibration => ({
  ...reliabilityOf(probabilities, (i, said) => truth[i] === said),
  logLoss: logLossOf(probabilities, truth),
});

/** Probabilities of the validation part are kept to four digits: what is less than half of the last one is taken for that. */
const leastKept = 5e-5;

/** The temperature of least surprise on the validation part, by the probabilities that models of earlier versions keep of it. */
export function temperatureOfKept(validation: Rows, labels: Int32Array): number {
  const flat = validation.flatMap(p => p.map(x => Math.log(Math.max(x, leastKept))));
  return fitTemperature(flat, labels, validation[0]!.length);
}

/** The error of the test part's logits over a temperature. */
export function tempered(value: number, logits: readonly ArrayLike<number>[], truth: Int32Array) {
  const { error, logLoss } = calibrationOf(
    logits.map(row => probabilitiesOf(Array.from(row, x => x / value))),
    truth,
  );
  return { value, error, logLoss };
}
