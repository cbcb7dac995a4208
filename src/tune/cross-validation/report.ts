/**
 * The report of a cross-validation: of each measure the mean over folds and seeds, standard deviations by source of variance, and an interval that knows of
 * folds that share their training texts; the model beside each baseline, paired fold by fold. A function of the scores alone.
 */
import { crossedDeviations, holm, resampledMean } from "../../statistics/index.ts";
import { tuneErrors } from "../errors.ts";
import type { FoldPlace } from "./options.ts";
import type { FoldScores, Scores } from "./parts.ts";

interface MeasureRule {
  readonly isGreaterBetter: boolean;
  readonly lowest: number;
  readonly highest: number;
}
const share: MeasureRule = { isGreaterBetter: true, lowest: 0, highest: 1 };
const error: MeasureRule = { isGreaterBetter: false, lowest: 0, highest: Number.POSITIVE_INFINITY };
/** What folds are scored by; a new one is a row. */
export const foldMeasures = {
  macroF1: share,
  accuracy: share,
  balancedAccuracy: share,
  mae: error,
  rmse: error,
  r2: { isGreaterBetter: true, lowest: Number.NEGATIVE_INFINITY, highest: 1 },
} as const satisfies Record<string, MeasureRule>;
export type FoldMeasure = keyof typeof foldMeasures;

/** The measure that decides about baselines: of classes the one whose value by chance is known. */
const deciding = { classification: "balancedAccuracy", regression: "mae" } as const satisfies Record<string, FoldMeasure>;

/** A run's losses, one a fold: means over its seeds. */
export const foldLosses = ({ runs, seeds }: Pick<CrossValidationReport, "runs" | "seeds">): number[] =>
  Array.from({ length: runs.length / seeds.length }, (_, i) => mean(runs.slice(i * seeds.length, (i + 1) * seeds.length).map(r => r.loss)));

/** Ends of an interval; null where the scores do not say how sure the mean is: one score, or all alike. */
interface Ends {
  readonly low: number | null;
  readonly high: number | null;
}
/** Standard deviations of single runs; null where the source was not varied. */
interface Deviations {
  /** Over folds, with the seed fixed. */
  readonly folds: number | null;
  /** Over seeds, with the fold fixed. */
  readonly seeds: number | null;
  /** Over all runs. */
  readonly total: number | null;
}
export interface VarianceRow extends Ends {
  readonly mean: number;
  readonly deviation: Deviations;
}
interface FoldedSystem {
  readonly name: string;
  readonly kind: "model" | "baseline";
  readonly measures: Readonly<Record<string, VarianceRow>>;
}
interface FoldedComparison {
  readonly against: string;
  /** The model's score less the baseline's, paired fold by fold. */
  readonly measures: Readonly<Record<string, Ends & { readonly difference: number }>>;
  /** Of the measure that decides, two-sided, corrected for the number of baselines (Holm); null where it is not tested. */
  readonly p: number | null;
  /** Not tested: over seeds on one split, or where all folds differ alike. */
  readonly verdict: "better" | "worse" | "no significant difference" | "not tested";
}
export interface CrossValidationReport {
  readonly task: "cross-validation";
  readonly of: keyof typeof deciding;
  readonly model: { readonly artifact: string; readonly name: string };
  readonly label: string;
  /** 1 where the validation part alone is scored on. */
  readonly folds: number;
  readonly repeats: number;
  readonly seeds: readonly (number | string)[];
  /** Mean numbers of documents that a run is trained on (those that select included) and scored on. */
  readonly trainSize: number;
  readonly testSize: number;
  readonly confidence: number;
  /** What the intervals are over: folds, with the correction for shared training texts, or seeds on one split. */
  readonly over: "folds" | "seeds";
  readonly decidedBy: FoldMeasure;
  readonly systems: readonly FoldedSystem[];
  readonly comparisons: readonly FoldedComparison[];
  /** Every run's own scores of the model. */
  readonly runs: readonly (FoldPlace & { readonly seed: number | string; readonly scores: Scores; readonly loss: number })[];
}

interface FoldedMaterial extends Pick<CrossValidationReport, "of" | "model" | "label" | "folds" | "repeats" | "seeds"> {
  readonly runs: readonly FoldScores[];
  /** Of each fold; empty where there are no baselines. */
  readonly baselines: readonly FoldScores[];
}

const confidence = 0.95;
const level = 1 - confidence;
const finite = (x: number): number | null => (Number.isFinite(x) ? x : null);
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const clipped = (x: number, { lowest, highest }: MeasureRule): number | null =>
  Number.isNaN(x) ? null : Math.min(highest, Math.max(lowest, x));

/** `[split][seed]` of the runs, in order. Errors: tune/folds where one is missing. */
function byPlace({ runs, seeds, folds, repeats, model }: FoldedMaterial): FoldScores[][] {
  const keyOf = (repeat: number, fold: number, seed: unknown) => JSON.stringify([repeat, fold, seed]);
  const known = new Map(runs.map(r => [keyOf(r.repeat, r.fold, r.seed), r]));
  return Array.from({ length: repeats * folds }, (_, i) =>
    seeds.map(seed => {
      const [repeat, fold] = [Math.floor(i / folds) + 1, (i % folds) + 1];
      const run = known.get(keyOf(repeat, fold, seed));
      if (run) return run;
      throw tuneErrors.fail("folds", {
        place: model.name,
        expected: `a run of repeat ${repeat}, fold ${fold}, seed ${seed}`,
        received: "none",
      });
    }),
  );
}

export function crossValidationReport(m: FoldedMaterial): CrossValidationReport {
  const { of, model, label, folds, repeats, seeds } = m;
  const runs = byPlace(m);
  const all = runs.flat();
  const [trainSize, testSize] = [mean(all.map(r => r.trainSize)), mean(all.map(r => r.testSize))];
  const isOverFolds = runs.length > 1;
  // seeds on one split share no randomness of theirs: their scores are independent, and say nothing of other texts
  const sizes = { trainSize, testSize: isOverFolds ? testSize : 0, confidence };
  /** One score a fold, or one a seed where there is one fold. */
  const units = (scores: readonly (readonly number[])[]): number[] => (isOverFolds ? scores.map(mean) : [...scores[0]!]);
  const rowOf = (measure: FoldMeasure, scores: readonly (readonly number[])[]): VarianceRow => {
    const { low, high } = resampledMean(units(scores), sizes);
    const { splits, seeds: ofSeeds, total } = crossedDeviations(scores);
    return {
      mean: mean(scores.flat()),
      deviation: { folds: finite(splits), seeds: finite(ofSeeds), total: finite(total) },
      low: clipped(low, foldMeasures[measure]),
      high: clipped(high, foldMeasures[measure]),
    };
  };
  const measures = Object.keys(all[0]!.scores[model.name]!) as FoldMeasure[];
  const own = (measure: FoldMeasure) => runs.map(row => row.map(r => r.scores[model.name]![measure]!));
  const splits = runs.map(row => m.baselines.find(b => b.repeat === row[0]!.repeat && b.fold === row[0]!.fold));
  const names = Object.keys(splits[0]?.scores ?? {});
  const theirs = (name: string, measure: FoldMeasure): number[] => splits.map(b => b!.scores[name]![measure]!);
  const compared = names.map(against => {
    const paired = (measure: FoldMeasure) => {
      const other = theirs(against, measure);
      return resampledMean(units(own(measure).map((row, i) => row.map(x => x - other[i]!))), sizes);
    };
    const differences = measures.map(measure => {
      const { mean: difference, low, high } = paired(measure);
      return [measure, { difference, low: finite(low), high: finite(high) }] as const;
    });
    return { against, measures: Object.fromEntries(differences), p: paired(deciding[of]).p };
  });
  const corrected = holm(compared.map(c => (Number.isNaN(c.p) ? 1 : c.p)));
  const rule = foldMeasures[deciding[of]];
  return {
    task: "cross-validation",
    of,
    model,
    label,
    folds,
    repeats,
    seeds,
    trainSize,
    testSize,
    confidence,
    over: isOverFolds ? "folds" : "seeds",
    decidedBy: deciding[of],
    systems: [
      { name: model.name, kind: "model", measures: Object.fromEntries(measures.map(x => [x, rowOf(x, own(x))])) },
      ...names.map(
        (name): FoldedSystem => ({
          name,
          kind: "baseline",
          // no seed moves a baseline; on one fold it has one score
          measures: Object.fromEntries(
            measures.map(x => [
              x,
              isOverFolds
                ? rowOf(
                    x,
                    theirs(name, x).map(y => [y]),
                  )
                : single(theirs(name, x)[0]!),
            ]),
          ),
        }),
      ),
    ],
    comparisons: compared.map((c, i) => {
      // seeds on one split say nothing of other texts, so no test is made
      if (!isOverFolds || Number.isNaN(c.p)) return { ...c, p: null, verdict: "not tested" };
      const isBetter = c.measures[deciding[of]]!.difference > 0 === rule.isGreaterBetter;
      return { ...c, p: corrected[i]!, verdict: corrected[i]! >= level ? "no significant difference" : isBetter ? "better" : "worse" };
    }),
    runs: all.map(r => ({ repeat: r.repeat, fold: r.fold, seed: r.seed!, scores: r.scores[model.name]!, loss: r.loss! })),
  };
}

const single = (value: number): VarianceRow => ({
  mean: value,
  deviation: { folds: null, seeds: null, total: null },
  low: null,
  high: null,
});
