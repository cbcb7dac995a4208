/**
 * Intervals of fairness measures. A measure is the greatest of many contrasts (the gap of every two groups, for every class), and the greatest of noisy numbers
 * is too great: without any gap all bootstrap draws are above 0, so BCa and percentile intervals leave the truth out (docs/log.md has the simulation). So
 * each contrast has its standard error from the bootstrap, and the measure's ends are
 * - high: the greatest of the contrasts' upper bounds. The contrast that is the greatest in truth is one of them, so each needs its own level alone.
 * - low: the greatest of lower bounds that hold for all contrasts at once (the bootstrap of the greatest studentised deviation; Romano and Wolf 2005).
 * A ratio is a difference of logarithms. The variance of a rate has the change of one item added, so that 0 of 20 is not taken for certain.
 */
import { calibrationInterval } from "../calibration-interval.ts";
import { normalQuantile } from "../distributions.ts";
import { outOf } from "../errors.ts";
import { bootstrapDraws, clusterItems, quantile, type ResamplingOptions } from "../resampling.ts";
import { countCells, type GroupedPredictions, type OutcomeCounts, outcomeCounts, type RateName, rateOfCounts, rates } from "./cells.ts";
import { calibrationBins, groupResiduals } from "./group-calibration.ts";
import { groupStrata } from "./groups.ts";
import { countedGroups, type FairnessMeasureName, type FairnessOptions, outcomesOf } from "./measures.ts";

type ContrastMeasure = Exclude<FairnessMeasureName, "groupCalibration">;
/** Is the measure a greatest contrast? The error of calibration is none. */
const isContrast = (name: FairnessMeasureName): name is ContrastMeasure => name !== "groupCalibration";

/** What groups are contrasted by: a figure of a group's counts, and the variance that one item more would be. */
interface Figure {
  readonly value: (c: OutcomeCounts) => number;
  /** `share`: clusters an item; items of one cluster do not count by themselves. */
  readonly leastVariance: (c: OutcomeCounts, share: number) => number;
}

const rate = (name: RateName): Figure => ({
  value: c => rateOfCounts(name, c),
  leastVariance: (c, share) => 1 / (rates[name].of(c) * share + 2) ** 2,
});
const [selection, truePositives, falsePositives, precision] = [
  rate("selectionRate"),
  rate("truePositiveRate"),
  rate("falsePositiveRate"),
  rate("precision"),
];
/** Halves added, so that no logarithm is infinite. */
const logSelection: Figure = {
  value: c => Math.log((c.predicted + 0.5) / (c.items + 0.5)),
  leastVariance: (c, share) => 1 / (c.predicted * share + 1) ** 2,
};
const meanOdds: Figure = {
  value: c => (truePositives.value(c) + falsePositives.value(c)) / 2,
  leastVariance: (c, share) => (truePositives.leastVariance(c, share) + falsePositives.leastVariance(c, share)) / 4,
};
const figuresOf: { readonly [M in ContrastMeasure]: readonly Figure[] } = {
  demographicParity: [selection],
  disparateImpact: [logSelection],
  equalOpportunity: [truePositives],
  equalisedOdds: [truePositives, falsePositives],
  averageOdds: [meanOdds],
  predictiveParity: [precision],
};
const allFigures = [selection, logSelection, truePositives, falsePositives, precision, meanOdds] as const;

export interface FairnessInterval {
  /** Not a number where nothing is known. */
  readonly low: number;
  readonly high: number;
}

const unknown: FairnessInterval = { low: Number.NaN, high: Number.NaN };

/** Figures of one kind and class, by group: what was seen, what the draws deviate from it, the least variance. */
interface Family {
  readonly seen: readonly number[];
  readonly deviations: readonly Float64Array[];
  readonly least: readonly number[];
}

/** Of two groups: the gap that was seen, its standard error, and the columns of their deviations. */
interface Contrast {
  readonly gap: number;
  readonly error: number;
  readonly deviations: readonly [Float64Array, Float64Array];
}

function variance([a, b]: Contrast["deviations"]): number {
  let [n, sum, squares] = [0, 0, 0];
  for (let d = 0; d < a.length; d++) {
    const x = a[d]! - b[d]!;
    // a draw without the denominator says nothing
    if (Number.isNaN(x)) continue;
    n++;
    sum += x;
    squares += x * x;
  }
  return n < 2 ? Number.NaN : Math.max(0, (squares - (sum * sum) / n) / (n - 1));
}

const contrastsOf = ({ seen, deviations, least }: Family): Contrast[] =>
  seen.flatMap((value, a) =>
    seen.slice(0, a).map((other, b): Contrast => {
      const pair = [deviations[a]!, deviations[b]!] as const;
      return { gap: Math.abs(value - other), error: Math.sqrt(variance(pair) + least[a]! + least[b]!), deviations: pair };
    }),
  );

/** The greatest deviation of all contrasts, in standard errors, that a share of the draws stays below. */
function criticalValue(contrasts: readonly Contrast[], share: number): number {
  const most = new Float64Array(contrasts[0]!.deviations[0].length);
  for (const { deviations, error } of contrasts) {
    const [a, b] = deviations;
    for (let d = 0; d < most.length; d++) {
      const t = Math.abs(a[d]! - b[d]!) / error;
      if (t > most[d]!) most[d] = t;
    }
  }
  return quantile(most.sort(), share);
}

/** Ends of the greatest contrast. */
function endsOf(contrasts: readonly Contrast[], confidence: number, together: number): FairnessInterval {
  if (contrasts.some(c => Number.isNaN(c.gap) || Number.isNaN(c.error))) return unknown;
  const beyond = (1 - confidence) / 2;
  const [all, own] = [criticalValue(contrasts, 1 - beyond / together), normalQuantile(1 - beyond)];
  return {
    low: Math.max(0, ...contrasts.map(c => c.gap - all * c.error)),
    high: Math.max(...contrasts.map(c => c.gap + own * c.error)),
  };
}

export interface FairnessIntervalOptions extends FairnessOptions, ResamplingOptions {
  /** Groupings that the measure is the worst of; the low ends hold for all of them at once (default 1). */
  readonly together?: number;
}

/** Intervals of measures on the same draws; not numbers where a measure has no value. Errors: statistics/argument. */
export function fairnessIntervals(
  names: readonly FairnessMeasureName[],
  data: GroupedPredictions,
  options: FairnessIntervalOptions = {},
): FairnessInterval[] {
  const contrasted = contrastIntervals(names.filter(isContrast), data, options);
  return names.map(name => (isContrast(name) ? contrasted.get(name)! : calibrationOf(data, options)));
}

/** Of the groups that count. */
function calibrationOf(data: GroupedPredictions, options: FairnessIntervalOptions): FairnessInterval {
  const groups = countedGroups(data, options);
  if (typeof groups === "string" || !data.probabilities) return unknown;
  const kept = Array.from(data.groupOf, (g, i) => (groups.includes(g) ? i : -1)).filter(i => i >= 0);
  const only = <T>(list: ArrayLike<T>): T[] => kept.map(i => list[i]!);
  const groupOf = only(data.groupOf).map(g => groups.indexOf(g));
  const clusters = options.clusters && only(options.clusters);
  const own = { ...data, truth: only(data.truth), probabilities: only(data.probabilities), groupOf };
  const classes = outcomesOf(data, options.positive).map(outcome => groupResiduals(own, outcome));
  const strata = groupStrata(groupOf, clusters);
  return calibrationInterval(classes, { ...options, clusters, strata, groups: groups.length, bins: calibrationBins });
}

function contrastIntervals(
  names: readonly ContrastMeasure[],
  data: GroupedPredictions,
  options: FairnessIntervalOptions,
): ReadonlyMap<ContrastMeasure, FairnessInterval> {
  const none = new Map(names.map(name => [name, unknown]));
  if (names.length === 0) return none;
  const { confidence = 0.95, together = 1, clusters } = options;
  outOf(confidence, "confidence");
  const groups = countedGroups(data, options);
  if (typeof groups === "string") return none;
  const outcomes = outcomesOf(data, options.positive);
  const figures = allFigures.filter(f => names.some(name => figuresOf[name].includes(f)));
  const countsAt = (at: ArrayLike<number>) => {
    const cells = countCells(data, at);
    return outcomes.map(o => groups.map(g => outcomeCounts(cells, data.classes.length, g, o)));
  };
  const n = data.truth.length;
  const drawn = bootstrapDraws(n, at => countsAt(at).flatMap(by => figures.flatMap(f => by.map(f.value))), {
    ...options,
    strata: groupStrata(data.groupOf, clusters),
  });
  if (!drawn) return none;
  const share = clusterItems(n, clusters).length / n;
  const seenCounts = countsAt(Int32Array.from({ length: n }, (_, i) => i));
  const familyOf = (figure: Figure, outcome: number): Family => {
    const from = (outcome * figures.length + figures.indexOf(figure)) * groups.length;
    const seen = drawn.values.slice(from, from + groups.length);
    return {
      seen,
      deviations: drawn.columns.slice(from, from + groups.length).map((column, g) => column.map(v => v - seen[g]!)),
      least: seenCounts[outcome]!.map(c => figure.leastVariance(c, share)),
    };
  };
  // several measures share a figure
  const contrastsBy = new Map(figures.map(f => [f, outcomes.flatMap((_, o) => contrastsOf(familyOf(f, o)))]));
  const intervalOf = (name: ContrastMeasure): FairnessInterval => {
    const contrasts = figuresOf[name].flatMap(f => contrastsBy.get(f)!);
    const { low, high } = endsOf(contrasts, confidence, together);
    if (name !== "disparateImpact") return { low, high: Math.min(1, high) };
    const isNoneSelected = seenCounts.some(by => by.some(c => c.predicted === 0));
    return { low: isNoneSelected ? 0 : Math.exp(-high), high: Math.exp(-low) };
  };
  return new Map(names.map(name => [name, intervalOf(name)]));
}
