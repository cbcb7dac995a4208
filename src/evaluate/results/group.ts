/** A measure of several tasks together: the mean of their figures, by their items or alike, with an interval over the items of all, as `score.ts` makes it. */
import { bootstrap, type Interval, wilson } from "../../statistics/index.ts";
import type { ItemResult } from "./item.ts";
import type { Measure } from "./measures.ts";
import { clustersOf, draws } from "./score.ts";

export interface GroupPart {
  readonly measure: Measure;
  readonly items: readonly ItemResult[];
}
export interface GroupScore extends Interval {
  readonly metric: string;
  readonly better: Measure["better"];
  readonly items: number;
  readonly tasks: number;
  readonly isWeighted: boolean;
}

/** Clusters of all parts one after another: those of different tasks are different. */
function clustersAcross(parts: readonly GroupPart[]): Int32Array | undefined {
  const own = parts.map(p => clustersOf(p.items));
  if (own.every(c => c === undefined)) return undefined;
  let first = 0;
  const all: number[] = [];
  for (const [i, { items }] of parts.entries()) {
    const numbers = own[i] ?? Int32Array.from(items, (_, k) => k);
    for (const n of numbers) all.push(first + n);
    first += items.length;
  }
  return Int32Array.from(all);
}

/** Parts, one or more, each with items. Weighted, a task counts as often as it has items: lm-evaluation-harness's `weight_by_size`. */
export function groupScore(parts: readonly GroupPart[], isWeighted: boolean): GroupScore {
  const figures = parts.map(({ measure, items }) => measure.prepare(items));
  let items = 0;
  const starts = parts.map(p => {
    const start = items;
    items += p.items.length;
    return start;
  });
  const partOf = Int32Array.from(parts.flatMap((p, i) => p.items.map(() => i)));
  const together = (at: ArrayLike<number>): number => {
    const own: number[][] = parts.map(() => []);
    for (let k = 0; k < at.length; k++) {
      const part = partOf[at[k]!]!;
      own[part]!.push(at[k]! - starts[part]!);
    }
    let [sum, weights] = [0, 0];
    for (const [i, drawn] of own.entries()) {
      // a draw that leaves a task out has no mean of all tasks
      if (drawn.length === 0 && !isWeighted) return Number.NaN;
      if (drawn.length === 0) continue;
      const weight = isWeighted ? drawn.length : 1;
      sum += weight * figures[i]!(drawn);
      weights += weight;
    }
    return sum / weights;
  };
  const { measure } = parts[0]!;
  const told = { metric: measure.name, better: measure.better, items, tasks: parts.length, isWeighted };
  const clusters = clustersAcross(parts);
  // by their items, shares of tasks are one share of all items
  if (isWeighted && !clusters && parts.every(p => p.measure.kind === "share"))
    return { ...told, ...wilson(Math.round(together(Int32Array.from({ length: items }, (_, i) => i)) * items), items) };
  if (items < 2) return { ...told, value: together([0]), low: Number.NaN, high: Number.NaN };
  const { value, low, high } = bootstrap(items, together, { draws, clusters, seed: 1 });
  return { ...told, value, low, high };
}
