/**
 * Two results of one task held beside each other, item by item. The difference has a paired interval (the same draws of items on both sides) and a
 * paired test that fits the measure: McNemar's for shares, a permutation of signs for means, a random exchange of the sides for any other figure
 * (Noreen 1989). Items that belong together are drawn and exchanged together.
 */
import { bootstrap, holm, type Interval, mcNemar, pairedPermutation, pairedRandomisation } from "../../statistics/index.ts";
import { evaluateErrors } from "../errors.ts";
import { chanceOfLabels } from "./chance.ts";
import { drawnInterval } from "./drawn-interval.ts";
import type { ItemResult } from "./item.ts";
import type { EvaluationMeasure, Figure } from "./measures.ts";
import { clustersOf, draws, strataOf } from "./score.ts";

/** The same items on both sides, in one order. */
export interface Paired {
  readonly first: readonly ItemResult[];
  readonly second: readonly ItemResult[];
  /** Items that one side only has. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
}

/** Errors: evaluate/compare where no item is on both sides. */
export function pairItems(first: readonly ItemResult[], second: readonly ItemResult[], place: string): Paired {
  // the same content may come twice: the n-th of a name goes with the n-th
  const keyed = (items: readonly ItemResult[]) => {
    const times = new Map<string, number>();
    return items.map(i => {
      const n = times.get(i.id) ?? 0;
      times.set(i.id, n + 1);
      return [`${i.id} ${n}`, i] as const;
    });
  };
  const other = new Map(keyed(second));
  const pairs = keyed(first).flatMap(([key, i]) => (other.has(key) ? [[i, other.get(key)!] as const] : []));
  if (pairs.length === 0)
    throw evaluateErrors.fail("compare", {
      place,
      expected: "items that both sides have",
      received: `${first.length} and ${second.length} items with none in common`,
      hint: "Evaluate both on the same file.",
    });
  return {
    first: pairs.map(p => p[0]),
    second: pairs.map(p => p[1]),
    onlyFirst: first.length - pairs.length,
    onlySecond: second.length - pairs.length,
  };
}

export interface Difference extends Interval {
  readonly metric: string;
  readonly better: EvaluationMeasure["better"];
  readonly items: number;
  /** The figures of both sides on these items; `value` is first minus second. */
  readonly first: number;
  readonly second: number;
  readonly p: number;
  readonly test: "McNemar" | "permutation" | "randomisation" | "bootstrap";
  /** Items at which the first is better, and worse. */
  readonly wins: number;
  readonly losses: number;
  /** Of figures of labels: the side that is ahead is no better than chance, so it is not called better. */
  readonly isChance?: true;
}

export type DifferenceVerdict = "better" | "worse" | "no significant difference";
const level = 0.05;

/** What a difference comes to for the first side, by the corrected p where there is one. */
export function differenceVerdict(
  d: Pick<Difference, "value" | "better" | "p" | "isChance"> & { readonly pHolm?: number },
): DifferenceVerdict {
  if (d.isChance || !((d.pHolm ?? d.p) < level)) return "no significant difference";
  return d.value > 0 === (d.better === "higher") ? "better" : "worse";
}

/** Figures of both sides over one list of items: i is the first's i-th, n + i the second's. */
function bothSides(
  measure: EvaluationMeasure,
  { first, second: others }: Paired,
): { readonly of: Figure; readonly first: Figure; readonly second: Figure } {
  const of = measure.prepare([...first, ...others]);
  const n = first.length;
  const second: Figure = at => {
    const moved = new Int32Array(at.length);
    for (let k = 0; k < moved.length; k++) moved[k] = at[k]! + n;
    return of(moved);
  };
  return { of, first: of, second };
}

/** How much better an item's first result is than its second: positive is a win. */
export const gainOf = (measure: EvaluationMeasure, a: ItemResult, b: ItemResult): number =>
  (measure.value(a) - measure.value(b)) * (measure.better === "higher" ? 1 : -1);

/** The same of the i-th of paired items, by what each side's own items choose where a measure does that; 0 for those that choose. */
export function gainsOf(measure: EvaluationMeasure, { first, second }: Paired): (i: number) => number {
  if (!measure.chooses) return i => gainOf(measure, first[i]!, second[i]!);
  const values = [measure.chooses(first), measure.chooses(second)] as const;
  const sign = measure.better === "higher" ? 1 : -1;
  return i => (first[i]!.chooses ? 0 : sign * (values[0](first[i]!) - values[1](second[i]!)));
}

/**
 * Of a measure that chooses by other items, each side by its own: every draw of the interval is of the same items on both sides, those that choose and those that
 * are told of, and both choose anew in it. p is the greater of two: that of the draws, which know other choices, and that of a permutation of signs at the
 * choices as they are, which few items or clusters do not deceive.
 */
function chosenDifference(measure: EvaluationMeasure, { first, second }: Paired): Difference {
  const figures = [measure.prepare(first), measure.prepare(second)] as const;
  const values = [measure.chooses!(first), measure.chooses!(second)] as const;
  const told = first.flatMap((i, at) => (i.chooses ? [] : [at]));
  const [own, other] = [told.map(at => values[0](first[at]!)), told.map(at => values[1](second[at]!))];
  const { value, low, high, p: drawnP } = drawnInterval(at => figures[0](at) - figures[1](at), first);
  const permuted = pairedPermutation(other, own, { clusters: clustersOf(told.map(at => first[at]!)), seed: 1 }).p;
  const all = Int32Array.from(first, (_, i) => i);
  const gains = own.map((v, i) => (v - other[i]!) * (measure.better === "higher" ? 1 : -1));
  return {
    metric: measure.name,
    better: measure.better,
    items: told.length,
    first: figures[0](all),
    second: figures[1](all),
    value,
    low,
    high,
    wins: gains.filter(g => g > 0).length,
    losses: gains.filter(g => g < 0).length,
    ...(drawnP > permuted ? { p: drawnP, test: "bootstrap" } : { p: permuted, test: "permutation" }),
  };
}

/** Whether the side that is ahead in a figure of labels knows nothing of them. */
function isAheadByChance(
  { isOfLabels, better }: EvaluationMeasure,
  { first, second }: Paired,
  { value, p }: Pick<Difference, "value" | "p">,
): boolean {
  if (!isOfLabels || value === 0 || !(p < level)) return false;
  return chanceOfLabels(value > 0 === (better === "higher") ? first : second)?.verdict === "no better than chance";
}

export function differenceOf(measure: EvaluationMeasure, paired: Paired): Difference {
  if (measure.chooses) return chosenDifference(measure, paired);
  const difference = plainDifference(measure, paired);
  return isAheadByChance(measure, paired, difference) ? { ...difference, isChance: true } : difference;
}

function plainDifference(measure: EvaluationMeasure, paired: Paired): Difference {
  const { first, second } = paired;
  const n = first.length;
  const clusters = clustersOf(first);
  const sides = bothSides(measure, paired);
  const all = Int32Array.from({ length: n }, (_, i) => i);
  const [a, b] = [sides.first(all), sides.second(all)];
  const gains = first.map((x, i) => gainOf(measure, x, second[i]!));
  const wins = gains.filter(g => g > 0).length;
  const losses = gains.filter(g => g < 0).length;
  const difference: Figure = at => sides.first(at) - sides.second(at);
  const isSame = gains.every(g => g === 0) && a === b;
  const { low, high } =
    isSame || n < 2 ? { low: a - b, high: a - b } : bootstrap(n, difference, { draws, clusters, strata: strataOf(first), seed: 1 });
  const base = { metric: measure.name, better: measure.better, items: n, first: a, second: b, value: a - b, low, high, wins, losses };
  if (measure.kind === "share" && !clusters) return { ...base, p: mcNemar(wins, losses).p, test: "McNemar" };
  if (measure.kind === "whole")
    return { ...base, p: isSame ? 1 : pairedRandomisation(n, sides.of, { draws, clusters, seed: 1 }).p, test: "randomisation" };
  const values = (items: readonly ItemResult[]) => items.map(measure.value);
  return { ...base, p: pairedPermutation(values(second), values(first), { clusters, seed: 1 }).p, test: "permutation" };
}

/** The tests of several tasks together: p-values corrected by Holm, in order. */
export const corrected = (differences: readonly Difference[]): number[] => (differences.length ? holm(differences.map(d => d.p)) : []);
