/**
 * A layered drawing of a directed graph (Sugiyama, Tagawa and Toda, 1981): layers, then order, then places. Long edges pass through bends in
 * the layers between, which keep room like nodes do. Knows no colours and no screen; unknown ends, doubles and circles do no harm.
 */
import { order } from "./order.ts";
import { place, type Sized } from "./place.ts";
import { acyclic, type Edge, rank } from "./rank.ts";

export interface LayoutNode {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}
export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface PlacedNode extends LayoutNode, Point {
  readonly layer: number;
}
export interface PlacedEdge extends Edge {
  /** From the border of `from` to the border of `to`. */
  readonly points: readonly Point[];
}
export interface Layout {
  /** `x`, `y` is the upper left corner. In reading order: by layer, then across. */
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}
export interface LayoutOptions {
  /** Which way products lie of what they are made from. */
  readonly direction: "right" | "down";
  readonly layerGap: number;
  readonly nodeGap: number;
}

/** Room for an edge that passes through a layer, in pixels. */
const bendSize = 10;

export function layout(nodes: readonly LayoutNode[], edges: readonly Edge[], options: LayoutOptions): Layout {
  if (nodes.length === 0) return { nodes: [], edges: [], width: 0, height: 0 };
  const isRight = options.direction === "right";
  const along = (n: LayoutNode) => (isRight ? n.width : n.height);
  const across = (n: LayoutNode) => (isRight ? n.height : n.width);
  const byId = new Map(nodes.map(n => [n.id, n]));
  const unique = [...byId.values()];
  const kept = acyclic([...byId.keys()], edges);
  const layerOf = rank([...byId.keys()], kept);

  const layers: string[][] = Array.from({ length: Math.max(...layerOf.values()) + 1 }, () => []);
  for (const n of unique) layers[layerOf.get(n.id)!]!.push(n.id);
  const sizes = new Map<string, Sized>(unique.map(n => [n.id, { size: across(n), weight: 1 }]));
  const short: Edge[] = [];
  const chains = kept.map((edge, e) => {
    const chain = [edge.from];
    for (let l = layerOf.get(edge.from)! + 1; l < layerOf.get(edge.to)!; l++) {
      // A NUL is in no artifact's id, so a bend is never taken for a node.
      const bend = `\0${e}.${l}`;
      layers[l]!.push(bend);
      sizes.set(bend, { size: bendSize, weight: 4 });
      chain.push(bend);
    }
    chain.push(edge.to);
    for (let i = 1; i < chain.length; i++) short.push({ from: chain[i - 1]!, to: chain[i]! });
    return { edge, chain };
  });

  const ordered = order(layers, short);
  const centre = place(ordered, short, sizes, options.nodeGap);
  const thickness = ordered.map(ids => Math.max(0, ...ids.map(id => byId.get(id)).map(n => (n ? along(n) : 0))));
  const layerStart: number[] = [];
  for (const [l] of thickness.entries()) layerStart.push(l === 0 ? 0 : layerStart[l - 1]! + thickness[l - 1]! + options.layerGap);

  const point = (a: number, c: number): Point => (isRight ? { x: a, y: c } : { x: c, y: a });
  const placed = new Map(
    ordered.flatMap((ids, layer) =>
      ids.flatMap(id => {
        const n = byId.get(id);
        return n ? [[id, { ...n, layer, ...point(layerStart[layer]!, centre.get(id)! - across(n) / 2) }] as const] : [];
      }),
    ),
  );
  const bends = new Map(ordered.flatMap((ids, layer) => ids.filter(id => !byId.has(id)).map(id => [id, layer] as const)));
  const routed = chains.map(({ edge, chain }) => ({
    ...edge,
    points: chain.flatMap((id, i) => {
      const layer = bends.get(id);
      if (layer !== undefined)
        return [point(layerStart[layer]!, centre.get(id)!), point(layerStart[layer]! + thickness[layer]!, centre.get(id)!)];
      const n = placed.get(id)!;
      return [point(layerStart[n.layer]! + (i === 0 ? along(n) : 0), centre.get(id)!)];
    }),
  }));
  const extent = Math.max(...[...centre].map(([id, at]) => at + sizes.get(id)!.size / 2));
  const length = layerStart.at(-1)! + thickness.at(-1)!;
  return {
    nodes: [...placed.values()],
    edges: routed,
    ...(isRight ? { width: length, height: extent } : { width: extent, height: length }),
  };
}

/** A smooth SVG path through the points, leaving and entering along the direction of the layers. */
export function edgePath(points: readonly Point[], direction: LayoutOptions["direction"]): string {
  const n = (value: number) => Math.round(value * 10) / 10;
  const at = (p: Point) => `${n(p.x)} ${n(p.y)}`;
  return points
    .map((p, i) => {
      const q = points[i - 1];
      if (!q) return `M${at(p)}`;
      const middle = direction === "right" ? (p.x + q.x) / 2 : (p.y + q.y) / 2;
      const [a, b] =
        direction === "right"
          ? [
              { x: middle, y: q.y },
              { x: middle, y: p.y },
            ]
          : [
              { x: q.x, y: middle },
              { x: p.x, y: middle },
            ];
      return `C${at(a)} ${at(b)} ${at(p)}`;
    })
    .join("");
}
