/** The ranking that scores give: where what answers stands, and the first of all. */
import type { Found } from "./found.ts";

/** Documents of a ranking that are kept by their names. */
const shownDocuments = 10;

export interface Ranking {
  /** Of what answers, the best first, and the numbers of those documents. */
  readonly found: readonly Found[];
  readonly order: readonly number[];
  /** Numbers of the first documents, the earliest of equals first. */
  readonly first: readonly number[];
}

/** How many values of a sorted list are below `value`, or at most it. */
function countBelow(sorted: Float64Array, value: number, andEqual: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (andEqual ? sorted[middle]! <= value : sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `gains`: document -> what finding it is worth, above 0. `left` is no candidate. */
export function rankingOf(scores: Float64Array, gains: ReadonlyMap<number, number>, left?: number): Ranking {
  const sorted = (left === undefined ? scores.slice() : scores.filter((_, i) => i !== left)).sort();
  const order = [...gains.keys()].filter(d => d !== left).sort((a, b) => scores[b]! - scores[a]! || gains.get(b)! - gains.get(a)! || a - b);
  const found = order.map((d): Found => {
    const upTo = countBelow(sorted, scores[d]!, true);
    return [gains.get(d)!, sorted.length - upTo, upTo - countBelow(sorted, scores[d]!, false)];
  });
  const least = sorted[Math.max(0, sorted.length - shownDocuments)] ?? Number.POSITIVE_INFINITY;
  const first: number[] = [];
  for (let i = 0; i < scores.length; i++) if (i !== left && scores[i]! >= least) first.push(i);
  first.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return { found, order, first: first.slice(0, shownDocuments) };
}
