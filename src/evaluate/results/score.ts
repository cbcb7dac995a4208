/** Figures of results with intervals: of all items and of slices of them. */
import { bootstrap, type Interval, quantile, wilson } from "../../statistics/index.ts";
import type { SliceBy } from "../about-item.ts";
import type { ItemResult } from "./item.ts";
import type { EvaluationMeasure } from "./measures.ts";

export interface Score extends Interval {
  readonly metric: string;
  readonly better: EvaluationMeasure["better"];
  readonly items: number;
  /** How the interval was made: `wilson` for shares of items that stand alone, else `bootstrap` (BCa; by percentiles where a threshold is chosen). */
  readonly interval: "wilson" | "bootstrap" | "none";
}

/** Draws of the bootstrap. */
export const draws = 1000;

/** Numbers of clusters, undefined where every item stands alone. */
export function clustersOf(items: readonly ItemResult[]): Int32Array | undefined {
  if (items.every(i => i.cluster === undefined)) return undefined;
  const numbers = new Map<string, number>();
  return Int32Array.from(items, (i, at) => {
    const key = i.cluster ?? `\u0000${at}`;
    const known = numbers.get(key) ?? numbers.size;
    numbers.set(key, known);
    return known;
  });
}

/** Tasks of a group's items, and of each those that choose a threshold beside those that are told of; undefined where all are of one. */
export function strataOf(items: readonly ItemResult[]): Int32Array | undefined {
  const stratum = ({ chooses, part = 0 }: ItemResult) => (chooses ? -1 - part : part);
  return new Set(items.map(stratum)).size > 1 ? Int32Array.from(items, stratum) : undefined;
}

/** How intervals are drawn: where each draw chooses something, BCa's corrections say nothing. */
const methodOf = ({ chooses }: Pick<EvaluationMeasure, "chooses">): "percentile" | "bca" => (chooses ? "percentile" : "bca");

/** A figure of the items with its 95 % interval; an interval of a single item is none. Those that choose stand behind those that are told of, where it has any. */
export function scoreOf(measure: EvaluationMeasure, items: readonly ItemResult[]): Score {
  const told = items.filter(i => !i.chooses).length;
  const base = { metric: measure.name, better: measure.better, items: told };
  const clusters = clustersOf(items);
  const figure = measure.prepare(items);
  const all = Int32Array.from(items, (_, i) => i);
  if (measure.kind === "share" && !clusters)
    return { ...base, ...wilson(Math.round(figure(all) * items.length), items.length), interval: "wilson" };
  if (told < 2) return { ...base, value: figure(all), low: Number.NaN, high: Number.NaN, interval: "none" };
  if (measure.interval)
    return { ...base, value: figure(all), ...measure.interval(items, { confidence: 0.95, draws }), interval: "bootstrap" };
  const { value, low, high } = bootstrap(items.length, figure, {
    draws,
    clusters,
    strata: strataOf(items) ?? measure.strata?.(items),
    method: methodOf(measure),
    seed: 1,
  });
  return { ...base, value, low, high, interval: "bootstrap" };
}

export interface SliceScores {
  /** The attribute, and its value or range. */
  readonly by: string;
  readonly group: string;
  readonly items: number;
  readonly scores: readonly Score[];
}

/** Values of an attribute that are shown one by one; the rest together. */
const mostGroups = 12;
/** What the items without an attribute are called. */
const noValue = "no value";

interface Group {
  readonly group: string;
  readonly items: ItemResult[];
}

const plainNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[-+]?\d+)?$/i;
/** The number that a value is, or that its text is: tables have nothing but texts. Not a number for anything else. */
function numberOf(value: string | number | undefined): number {
  const number = typeof value === "string" && plainNumber.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : Number.NaN;
}

/** Parts of equal size by a number; numbers of which there are no more than parts are parts of their own. */
function partsOf(items: readonly ItemResult[], numberAt: (i: ItemResult) => number, parts: number): Group[] {
  const sorted = items.map(numberAt).sort((a, b) => a - b);
  const different = [...new Set(sorted)];
  const ends =
    different.length <= parts
      ? different.slice(0, -1)
      : [...new Set(Array.from({ length: parts - 1 }, (_, k) => quantile(sorted, (k + 1) / parts)))];
  const partOf = (v: number) => ends.filter(e => v > e).length;
  return Array.from({ length: ends.length + 1 }, (_, k) => {
    const own = items.filter(i => partOf(numberAt(i)) === k);
    const numbers = own.map(numberAt).sort((a, b) => a - b);
    const [low, high] = [numbers[0], numbers.at(-1)];
    return { group: low === high ? String(low) : `${low} to ${high}`, items: own };
  }).filter(g => g.items.length > 0);
}

/** A group a value, the greatest first; values of one item each, which say nothing of a group, are together with those beyond the greatest. */
function valuesOf(items: readonly ItemResult[], by: string): Group[] {
  const groups = new Map<string, ItemResult[]>();
  for (const item of items) {
    const key = String(item.attributes[by]);
    const list = groups.get(key);
    if (list) list.push(item);
    else groups.set(key, [item]);
  }
  const sorted = [...groups].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1));
  const shown = sorted.slice(0, mostGroups).filter(([, list]) => list.length > 1);
  const rest = sorted.slice(shown.length);
  const [alone] = rest.length === 1 ? rest : [];
  return [
    ...shown.map(([group, list]) => ({ group, items: list })),
    ...(rest.length > 0 ? [{ group: alone ? alone[0] : `${rest.length} others`, items: rest.flatMap(([, list]) => list) }] : []),
  ];
}

/**
 * Groups of items by an attribute. Lengths, and many different numbers, in parts of equal size, also where some items have a text ("unknown") in their place,
 * which follows by value; anything else by value. Items without the attribute are the last group.
 */
export function itemGroups(items: readonly ItemResult[], by: string, parts: number, isLength = false): Group[] {
  const hasValue = (i: ItemResult) => i.attributes[by] !== undefined && i.attributes[by] !== "";
  const given = items.filter(hasValue);
  const lacking = items.filter(i => !hasValue(i));
  const numberAt = (i: ItemResult) => numberOf(i.attributes[by]);
  const numbers = given.filter(i => !Number.isNaN(numberAt(i)));
  const isContinuous = new Set(numbers.map(numberAt)).size > (isLength ? 0 : mostGroups) && 2 * numbers.length > given.length;
  const groups = isContinuous
    ? [
        ...partsOf(numbers, numberAt, parts),
        ...valuesOf(
          given.filter(i => Number.isNaN(numberAt(i))),
          by,
        ),
      ]
    : valuesOf(given, by);
  return lacking.length > 0 ? [...groups, { group: noValue, items: lacking }] : groups;
}

/** A figure of fewer items is that of an item, and has no interval. */
const leastItems = 2;

/** Scores of every group of two items or more of every attribute named. `choosing`: all items that choose a threshold, for measures that need one: a slice has its task's. */
export const sliceScores = (
  items: readonly ItemResult[],
  rules: readonly SliceBy[],
  measures: readonly EvaluationMeasure[],
  choosing: readonly ItemResult[] = [],
): SliceScores[] =>
  rules.flatMap(({ by, parts, isLength }) =>
    itemGroups(items, by, parts, isLength)
      .filter(g => g.items.length >= leastItems)
      .map(g => ({
        by,
        group: g.group,
        items: g.items.length,
        scores: measures.map(m => scoreOf(m, m.chooses ? [...g.items, ...choosing] : g.items)),
      })),
  );
