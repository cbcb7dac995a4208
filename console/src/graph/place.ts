/**
 * Places across the layers: nodes near the middle of their neighbours, in their order, at a distance. For one layer this is a least-squares
 * fit under an order, solved exactly by pooling adjacent violators (Barlow et al., 1972).
 */
import type { Layers } from "./order.ts";
import type { Edge } from "./rank.ts";

/**
 * Centres nearest to `wanted` (weighted squares) such that each is at least `gaps[i]` after the one before it (`gaps[0]` is not used).
 */
export function separate(wanted: readonly number[], weights: readonly number[], gaps: readonly number[]): number[] {
  // With the gaps taken out, the centres need only not decrease.
  const shift: number[] = [];
  for (const i of wanted.keys()) shift.push(i === 0 ? 0 : shift[i - 1]! + gaps[i]!);
  const pools: { sum: number; weight: number; count: number }[] = [];
  wanted.forEach((want, i) => {
    pools.push({ sum: (want - shift[i]!) * weights[i]!, weight: weights[i]!, count: 1 });
    for (let last = pools.at(-1)!, previous = pools.at(-2); previous && previous.sum / previous.weight > last.sum / last.weight; ) {
      pools.pop();
      previous.sum += last.sum;
      previous.weight += last.weight;
      previous.count += last.count;
      [last, previous] = [previous, pools.at(-2)];
    }
  });
  return pools.flatMap(p => Array.from({ length: p.count }, () => p.sum / p.weight)).map((at, i) => at + shift[i]!);
}

export interface Sized {
  /** Extent across the layers. */
  readonly size: number;
  /** How much it wants to be straight in line: bends of long edges more than nodes. */
  readonly weight: number;
}

/** Centre of every node across the layers, the first at its own half. */
export function place(
  layers: Layers,
  edges: readonly Edge[],
  sizes: ReadonlyMap<string, Sized>,
  gap: number,
  sweeps = 24,
): Map<string, number> {
  const size = (id: string) => sizes.get(id)!.size;
  const gapsOf = layers.map(ids => ids.map((id, i) => (i === 0 ? 0 : (size(ids[i - 1]!) + size(id)) / 2 + gap)));
  const centre = new Map<string, number>();
  for (const [l, ids] of layers.entries()) {
    let at = 0;
    for (const [i, id] of ids.entries()) {
      at += gapsOf[l]![i]!;
      centre.set(id, at);
    }
  }
  const near = new Map<string, Edge[]>();
  for (const e of edges) for (const id of [e.from, e.to]) (near.get(id) ?? near.set(id, []).get(id)!).push(e);
  const layerOf = new Map(layers.flatMap((ids, l) => ids.map(id => [id, l] as const)));

  for (let sweep = 0; sweep < sweeps; sweep++) {
    const isForward = sweep % 2 === 0;
    const isLast = sweep >= sweeps - 2;
    for (const l of isForward ? layers.keys() : [...layers.keys()].reverse()) {
      const ids = layers[l]!;
      const wanted = ids.map(id => {
        const others = (near.get(id) ?? [])
          .map(e => (e.from === id ? e.to : e.from))
          // To and fro by one side each, then by both: the first find the shape, the last balance it.
          .filter(o => isLast || (isForward ? layerOf.get(o)! < l : layerOf.get(o)! > l));
        return others.length === 0 ? centre.get(id)! : others.reduce((sum, o) => sum + centre.get(o)!, 0) / others.length;
      });
      const placed = separate(
        wanted,
        ids.map(id => sizes.get(id)!.weight),
        gapsOf[l]!,
      );
      for (const [i, id] of ids.entries()) centre.set(id, placed[i]!);
    }
  }
  const start = Math.min(...[...centre].map(([id, at]) => at - size(id) / 2));
  return new Map([...centre].map(([id, at]) => [id, at - start]));
}
