/**
 * Cells of the space of directions, so that only vectors of one cell need be compared (an inverted file: Jegou et al. 2011). Two levels of
 * k-means, about sqrt(k) each, from a sample: finding a vector's cells costs 2 sqrt(k) cosines instead of k. A vector lives in its nearest
 * cell and visits the next ones; a pair is met when one of the two visits the cell in which the other lives.
 */
import { type Codes, codesOf } from "./codes.ts";
import { affinity, type Centres, kMeans, nearestCentre } from "./k-means.ts";

export interface Cells {
  readonly count: number;
  /** The cells of a vector, nearest first, at most `most`. */
  nearest(code: Int8Array, most: number): number[];
}

/** First-level cells in which a vector's cells are sought, at least. */
const minTops = 4;

/** Points one behind the other from several places. */
const chosen = (points: Codes, which: readonly number[]): Codes =>
  codesOf(
    which.map(p => points.values.subarray(p * points.width, (p + 1) * points.width)),
    points.width,
  );

/** Trains about `count` cells; the result depends on the points, their order and the seed. */
export function trainCells(points: Codes, { count, seed }: { count: number; seed: number }): Cells {
  const tops = kMeans(points, { count: Math.max(1, Math.round(Math.sqrt(count))), seed });
  const members: number[][] = Array.from({ length: tops.count }, () => []);
  for (let p = 0; p < points.count; p++) members[nearestCentre(tops, points.values, p * points.width).centre]!.push(p);
  // Where many vectors are, many cells: their sizes stay alike.
  const inner: Centres[] = members.map((which, t) =>
    kMeans(chosen(points, which), {
      count: Math.max(1, Math.round((count * which.length) / Math.max(1, points.count))),
      seed: seed + 1 + t,
    }),
  );
  const firsts = [0];
  for (const centres of inner) firsts.push(firsts.at(-1)! + Math.max(1, centres.count));
  const ranked = (centres: Centres, code: Int8Array): [number, number][] =>
    Array.from({ length: centres.count }, (_, c): [number, number] => [c, affinity(centres, c, code, 0)]);
  const byFit = (a: readonly [number, number], b: readonly [number, number]) => b[1] - a[1] || a[0] - b[0];
  return {
    count: Math.max(1, firsts.at(-1)!),
    nearest(code, most) {
      // Nothing was seen: everything is one cell.
      if (tops.count === 0) return [0];
      const near = ranked(tops, code).sort(byFit).slice(0, Math.max(minTops, most));
      // A first-level cell that none of the sample fell into is one cell.
      const found = near.flatMap(([t, f]): [number, number][] =>
        inner[t]!.count === 0 ? [[firsts[t]!, f]] : ranked(inner[t]!, code).map(([c, g]): [number, number] => [firsts[t]! + c, g]),
      );
      return found
        .sort(byFit)
        .slice(0, most)
        .map(([c]) => c);
    },
  };
}
