/**
 * Fairness of a classification task's results between groups of its items (`groups:`): a table for every grouping, and the measures that conditions may name.
 * `equalisedOdds` is the worst of all groupings, `equalisedOdds:sex` of one, `equalisedOdds:sex:race` of the intersections.
 */
import { defined } from "../../base/index.ts";
import {
  drawnFairness,
  type FairnessMeasureName,
  type FairnessReport,
  fairerOf,
  fairnessIntervals,
  fairnessMeasureNames,
  fairnessReport,
  type GroupedPredictions,
  groupingName,
  groupStrata,
  groupsBy,
  isFairnessMeasure,
} from "../../statistics/index.ts";
import type { FairnessGroups } from "../part.ts";
import { chosen } from "./chosen.ts";
import type { ItemResult, ResultHead } from "./item.ts";
import type { EvaluationMeasure } from "./measure.ts";
import { probabilities } from "./probabilities.ts";
import { clustersOf } from "./score.ts";

/** The report of one grouping. */
export interface FairnessTable extends FairnessReport {
  readonly by: readonly string[];
  /** As a condition calls it, after the colon. */
  readonly name: string;
}

/** Items that have one right label. */
const decided = (items: readonly ItemResult[]): readonly ItemResult[] => items.filter(i => !i.chooses && i.gold !== undefined);

function groupedOf(items: readonly ItemResult[], by: readonly string[]): GroupedPredictions {
  const classes = [...new Set(items.flatMap(i => i.choices ?? []))].sort((a, b) => (a < b ? -1 : 1));
  const place = new Map(classes.map((c, k) => [c, k]));
  const indexOf = (i: ItemResult, choice: number): number => place.get(i.choices![choice]!)!;
  const { groups, groupOf } = groupsBy(
    items.map(i => i.attributes),
    by,
  );
  return {
    classes,
    truth: Int32Array.from(items, i => indexOf(i, i.gold![0]!)),
    predicted: Int32Array.from(items, i => indexOf(i, chosen(i))),
    probabilities: items.map(i => {
      const own = probabilities(i);
      return classes.map(c => own[i.choices!.indexOf(c)] ?? 0);
    }),
    groups,
    groupOf,
  };
}

const draws = 1000;

/** The tables of a result whose task has groups; none for another one. Errors: statistics/argument for a `positive` that is no label. */
export function fairnessTables({ groups }: Pick<ResultHead, "groups">, results: readonly ItemResult[]): FairnessTable[] {
  const items = decided(results);
  if (!groups || items.length === 0) return [];
  const { by: sets, ...options } = groups;
  const clusters = clustersOf(items);
  return sets.map(by => ({
    by,
    name: groupingName(by),
    ...fairnessReport(groupedOf(items, by), { ...options, draws, seed: 1, ...defined({ clusters }) }),
  }));
}

/** The parts of a measure's name: `equalisedOdds`, and the grouping after the colon. */
function nameParts(name: string): { readonly measure: FairnessMeasureName; readonly of: string | undefined } | undefined {
  const at = name.indexOf(":");
  const measure = at < 0 ? name : name.slice(0, at);
  return isFairnessMeasure(measure) ? { measure, of: at < 0 ? undefined : name.slice(at + 1) } : undefined;
}

/** What conditions may call fairness measures of a task with these groups. */
export const groupedMeasureNames = ({ by }: FairnessGroups): string[] => [
  ...fairnessMeasureNames,
  ...(by.length > 1 ? fairnessMeasureNames.flatMap(m => by.map(b => `${m}:${groupingName(b)}`)) : []),
];

/** Is a name one of a fairness measure, whatever the task? */
export const isFairnessName = (name: string): boolean => nameParts(name) !== undefined;

/** The measure of a name; undefined where it names none of this task. */
export function fairnessMeasureOf(name: string, { groups }: Pick<ResultHead, "groups">): EvaluationMeasure | undefined {
  const parts = nameParts(name);
  if (!parts || !groups) return undefined;
  const { by: all, ...options } = groups;
  const sets = parts.of === undefined ? all : all.filter(by => groupingName(by) === parts.of);
  if (sets.length === 0) return undefined;
  const { measure } = parts;
  const better = fairerOf(measure);
  const prepared = (items: readonly ItemResult[]) => sets.map(by => drawnFairness(measure, groupedOf(items, by), options));
  return {
    name,
    better,
    kind: "whole",
    value: i => Number(i.gold!.includes(chosen(i))),
    prepare(items) {
      const drawn = prepared(items);
      // not a number as soon as one of them is none
      return at => drawn.map(figure => figure(at).value).reduce((a, b) => (better === "lower" ? Math.max(a, b) : Math.min(a, b)));
    },
    why(items) {
      const all = Int32Array.from(items, (_, i) => i);
      return prepared(items).flatMap(figure => figure(all).reason ?? [])[0];
    },
    interval(items, resampling) {
      const clusters = clustersOf(items);
      const own = sets.map(
        by =>
          fairnessIntervals([measure], groupedOf(items, by), {
            ...options,
            ...resampling,
            ...defined({ clusters }),
            seed: 1,
            together: sets.length,
          })[0]!,
      );
      // the worst of them, as the figure is
      const worst = better === "lower" ? Math.max : Math.min;
      return { low: worst(...own.map(i => i.low)), high: worst(...own.map(i => i.high)) };
    },
    // of several groupings, items of all their attributes together would be too few to be drawn by themselves
    strata: items =>
      sets.length === 1
        ? groupStrata(
            groupsBy(
              items.map(i => i.attributes),
              sets[0]!,
            ).groupOf,
            clustersOf(items),
          )
        : undefined,
  };
}
