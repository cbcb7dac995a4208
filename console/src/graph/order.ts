/**
 * Order within layers: few crossings of edges between neighbouring layers. Sweeps to and fro that sort each layer by the median of its
 * neighbours (Eades and Wormald, 1994; Gansner et al., "A Technique for Drawing Directed Graphs", 1993); the best order seen is kept.
 */
import type { Edge } from "./rank.ts";

export type Layers = readonly (readonly string[])[];

/** Pairs of edges between two neighbouring layers that cross: inversions, counted by insertion into a sorted list. */
export function crossings(layers: Layers, edges: readonly Edge[]): number {
  const position = positions(layers);
  const layerOf = new Map(layers.flatMap((ids, i) => ids.map(id => [id, i] as const)));
  let count = 0;
  for (const i of layers.keys()) {
    const between = edges
      .filter(e => layerOf.get(e.from) === i)
      .map(e => [position.get(e.from)!, position.get(e.to)!] as const)
      .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const seen: number[] = [];
    for (const [, to] of between) {
      const at = firstAbove(seen, to);
      count += seen.length - at;
      seen.splice(at, 0, to);
    }
  }
  return count;
}

function firstAbove(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const positions = (layers: Layers): Map<string, number> => new Map(layers.flatMap(ids => ids.map((id, i) => [id, i] as const)));

function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** A layer sorted by the median of each node's neighbours; nodes without neighbours keep their places. */
function sorted(
  layer: readonly string[],
  neighbours: ReadonlyMap<string, readonly string[]>,
  position: ReadonlyMap<string, number>,
): string[] {
  const keys = new Map(layer.map(id => [id, median((neighbours.get(id) ?? []).map(n => position.get(n)!))]));
  const movable = layer.filter(id => keys.get(id) !== undefined).sort((a, b) => keys.get(a)! - keys.get(b)!);
  let next = 0;
  return layer.map(id => (keys.get(id) === undefined ? id : movable[next++]!));
}

/** Each edge goes from one layer to the next. Deterministic: depends on the order given and nothing else. */
export function order(start: Layers, edges: readonly Edge[], sweeps = 12): Layers {
  const before = new Map<string, string[]>();
  const after = new Map<string, string[]>();
  for (const e of edges) {
    (before.get(e.to) ?? before.set(e.to, []).get(e.to)!).push(e.from);
    (after.get(e.from) ?? after.set(e.from, []).get(e.from)!).push(e.to);
  }
  let current = start.map(ids => [...ids]);
  let best: Layers = start;
  let fewest = crossings(start, edges);
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep++) {
    const isForward = sweep % 2 === 0;
    const [neighbours, indices] = isForward ? [before, [...current.keys()]] : [after, [...current.keys()].reverse()];
    const next = [...current];
    for (const i of indices) next[i] = sorted(next[i]!, neighbours, positions(next));
    current = next;
    const count = crossings(current, edges);
    if (count < fewest) [best, fewest] = [current, count];
  }
  return best;
}
