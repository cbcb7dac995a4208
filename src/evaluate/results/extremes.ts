/** The items that say most about a model: those at which it is furthest from right, and those that it took longest for. */
import type { ItemResult } from "./item.ts";
import type { EvaluationMeasure } from "./measures.ts";

/** What an item lacks: to the likelihood of the right choice, else by the measure's own value. */
function lackOf(measure: EvaluationMeasure, item: ItemResult): number {
  const { logLikelihoods, gold } = item;
  if (logLikelihoods && gold) return Math.max(...logLikelihoods) - Math.max(...gold.map(g => logLikelihoods[g]!));
  return measure.value(item) * (measure.better === "higher" ? -1 : 1);
}

const topOf = (items: readonly ItemResult[], by: (item: ItemResult) => number, most: number): ItemResult[] =>
  items
    .map(item => ({ item, by: by(item) }))
    .sort((a, b) => b.by - a.by)
    .slice(0, most)
    .map(({ item }) => item);

/** The furthest from right first; where the measure is a share of right ones, only those that are wrong. */
export const mostWrong = (measure: EvaluationMeasure, items: readonly ItemResult[], most: number): ItemResult[] =>
  topOf(
    items.filter(i => measure.kind !== "share" || measure.value(i) === 0),
    i => lackOf(measure, i),
    most,
  );

/** The slowest first; items whose time was not taken are left out. */
export const slowest = (items: readonly ItemResult[], most: number): ItemResult[] =>
  topOf(
    items.filter(i => Number.isFinite(i.ms)),
    i => i.ms,
    most,
  );
