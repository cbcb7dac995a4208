/**
 * The report of a multi-label classifier on the test set: each label's average precision, ROC area, precision, recall and F1 at its threshold, and micro and
 * macro averages, with bootstrap intervals over groups of near-duplicates; the model beside each baseline by the paired difference of mean average precision.
 */
import { averagePrecision, bootstrapAll, canDiffer, drawnCurve, rocArea } from "../../statistics/index.ts";
import type { ScoreRange } from "../classify/report.ts";
import type { MultiLabelText } from "./examples.ts";

interface LabelScores {
  readonly label: string;
  /** Test texts of which the label is known, and those of which it holds. */
  readonly known: number;
  readonly positives: number;
  readonly averagePrecision: ScoreRange;
  readonly auc: ScoreRange;
  readonly precision: number;
  readonly recall: number;
  readonly f1: ScoreRange;
  /** Share of the texts without the label for which it is told. */
  readonly falseAlarms: ScoreRange;
  /** Null: the label is never told. Absent of baselines. */
  readonly threshold?: number | null;
}
interface MultiLabelScores {
  readonly name: string;
  readonly kind: "model" | "baseline";
  readonly meanAveragePrecision: ScoreRange;
  readonly macroF1: ScoreRange;
  readonly microF1: ScoreRange;
  readonly labels: readonly LabelScores[];
}
export interface MultiLabelReport {
  readonly task: "multi-label classification";
  readonly model: { readonly artifact: string; readonly name: string };
  readonly labels: readonly string[];
  readonly test: { readonly documents: number; readonly groups: number };
  readonly confidence: number;
  readonly scores: readonly MultiLabelScores[];
  readonly comparisons: readonly {
    readonly against: string;
    /** Mean average precision of the model minus the baseline's. */
    readonly difference: ScoreRange;
    readonly verdict: "better" | "worse" | "no significant difference";
  }[];
}

export interface MultiLabelSystem {
  readonly name: string;
  readonly kind: MultiLabelScores["kind"];
  /** [text][label], by which texts are ranked. */
  readonly scores: readonly (readonly number[])[];
  /** [text][label]. */
  readonly held: readonly (readonly boolean[])[];
  readonly thresholds?: readonly (number | null)[];
}
interface MultiLabelMaterial {
  readonly labels: readonly string[];
  readonly truths: readonly MultiLabelText["truth"][];
  readonly groups: readonly string[];
  readonly model: MultiLabelSystem;
  readonly baselines: readonly MultiLabelSystem[];
}

const confidence = 0.95;
const draws = 1000;
/** Figures of one label of one system, in the order of `labelFigures`. */
const figures = 6;

interface Counts {
  truePositives: number;
  falsePositives: number;
  positives: number;
  negatives: number;
}
const f1Of = ({ truePositives: t, falsePositives: f, positives }: Counts): number =>
  positives + t + f === 0 ? Number.NaN : (2 * t) / (positives + t + f);

/** Of the drawn texts (indices): average precision, ROC area, precision, recall, F1, false alarms of one label; and its counts. */
function labelFigures({ truths }: MultiLabelMaterial, { scores, held }: MultiLabelSystem, k: number) {
  const known = truths.flatMap((t, i) => (t[k] === undefined ? [] : [i]));
  const place = new Int32Array(truths.length).fill(-1);
  for (const [at, i] of known.entries()) place[i] = at;
  const curve = drawnCurve({ positive: known.map(i => truths[i]![k] === 1), score: known.map(i => scores[i]![k]!) });
  return (items: Int32Array): { readonly row: readonly number[]; readonly counts: Counts } => {
    const drawn: number[] = [];
    const counts: Counts = { truePositives: 0, falsePositives: 0, positives: 0, negatives: 0 };
    for (const i of items) {
      if (place[i]! < 0) continue;
      drawn.push(place[i]!);
      const isPositive = truths[i]![k] === 1;
      counts[isPositive ? "positives" : "negatives"]++;
      if (held[i]![k]) counts[isPositive ? "truePositives" : "falsePositives"]++;
    }
    const c = curve(drawn);
    const { truePositives, falsePositives, positives, negatives } = counts;
    const told = truePositives + falsePositives;
    return {
      row: [
        c ? averagePrecision(c) : Number.NaN,
        c ? rocArea(c) : Number.NaN,
        told === 0 ? 0 : truePositives / told,
        positives === 0 ? Number.NaN : truePositives / positives,
        f1Of(counts),
        negatives === 0 ? Number.NaN : falsePositives / negatives,
      ],
      counts,
    };
  };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** A system's figures in one row: those of each label, then mean average precision, macro F1, micro F1. */
function systemFigures(m: MultiLabelMaterial, system: MultiLabelSystem): (items: Int32Array) => number[] {
  const each = m.labels.map((_, k) => labelFigures(m, system, k));
  return items => {
    const found = each.map(figuresOf => figuresOf(items));
    const all: Counts = { truePositives: 0, falsePositives: 0, positives: 0, negatives: 0 };
    for (const { counts } of found) for (const key of Object.keys(all) as (keyof Counts)[]) all[key] += counts[key];
    return [...found.flatMap(f => f.row), mean(found.map(f => f.row[0]!)), mean(found.map(f => f.row[4]!)), f1Of(all)];
  };
}

/** Scores and comparisons; a function of the answers alone. */
export function compareMultiLabel(
  m: MultiLabelMaterial,
): Pick<MultiLabelReport, "scores" | "comparisons" | "confidence"> & { readonly groups: number } {
  const numbers = new Map<string, number>();
  const clusters = Int32Array.from(m.groups, g => {
    const found = numbers.get(g) ?? numbers.size;
    numbers.set(g, found);
    return found;
  });
  const systems = [m.model, ...m.baselines];
  const rows = systems.map(s => systemFigures(m, s));
  const width = m.labels.length * figures + 3;
  const meanAt = m.labels.length * figures;
  const ranges = bootstrapAll(
    m.truths.length,
    items => {
      const drawn = rows.map(row => row(items));
      return [...drawn.flat(), ...drawn.slice(1).map(other => drawn[0]![meanAt]! - other[meanAt]!)];
    },
    // the jackknife of BCa would read every text once more for each text
    { draws, confidence, clusters, method: "percentile" },
  ).map(({ value, low, high }): ScoreRange => (Number.isNaN(low) ? { value, low: value, high: value } : { value, low, high }));
  const scoreOf = (s: MultiLabelSystem, at: number): MultiLabelScores => {
    const own = ranges.slice(at * width, (at + 1) * width);
    return {
      name: s.name,
      kind: s.kind,
      meanAveragePrecision: own[meanAt]!,
      macroF1: own[meanAt + 1]!,
      microF1: own[meanAt + 2]!,
      labels: m.labels.map((label, k) => {
        const [ap, auc, precision, recall, f1, falseAlarms] = own.slice(k * figures, (k + 1) * figures) as [
          ScoreRange,
          ScoreRange,
          ScoreRange,
          ScoreRange,
          ScoreRange,
          ScoreRange,
        ];
        return {
          label,
          known: m.truths.reduce((n, t) => n + (t[k] === undefined ? 0 : 1), 0),
          positives: m.truths.reduce((n, t) => n + (t[k] === 1 ? 1 : 0), 0),
          averagePrecision: ap,
          auc,
          precision: precision.value,
          recall: recall.value,
          f1,
          falseAlarms,
          ...(s.thresholds ? { threshold: s.thresholds[k] ?? null } : {}),
        };
      }),
    };
  };
  const isTold = canDiffer(numbers.size, confidence);
  return {
    confidence,
    groups: numbers.size,
    scores: systems.map(scoreOf),
    comparisons: m.baselines.map((b, i) => {
      const difference = ranges[systems.length * width + i]!;
      const verdict = isTold && difference.low > 0 ? "better" : isTold && difference.high < 0 ? "worse" : "no significant difference";
      return { against: b.name, difference, verdict };
    }),
  };
}
