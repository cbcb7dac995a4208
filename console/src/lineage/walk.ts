/** Where an arrow key leads in a drawn graph: along an edge, or to the neighbour in the same layer. */
import type { Layout, PlacedNode } from "../graph/layout.ts";

export type Arrow = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

const centre = (n: PlacedNode) => ({ x: n.x + n.width / 2, y: n.y + n.height / 2 });
const nearest = (from: PlacedNode, among: readonly PlacedNode[]): string | null => {
  const distance = (n: PlacedNode) => Math.hypot(centre(n).x - centre(from).x, centre(n).y - centre(from).y);
  return among.toSorted((a, b) => distance(a) - distance(b))[0]?.id ?? null;
};

/** The id that the arrow leads to from `id`, or null where there is none that way. */
export function walk(layout: Layout, direction: "right" | "down", id: string, arrow: Arrow): string | null {
  const from = layout.nodes.find(n => n.id === id);
  if (!from) return null;
  const [back, on, before] = direction === "right" ? ["ArrowLeft", "ArrowRight", "ArrowUp"] : ["ArrowUp", "ArrowDown", "ArrowLeft"];
  const linked = (ids: readonly string[]) =>
    nearest(
      from,
      layout.nodes.filter(n => ids.includes(n.id)),
    );
  if (arrow === back) return linked(layout.edges.filter(e => e.to === id).map(e => e.from));
  if (arrow === on) return linked(layout.edges.filter(e => e.from === id).map(e => e.to));
  const place = (n: PlacedNode) => (direction === "right" ? n.y : n.x);
  const isBefore = arrow === before;
  return nearest(
    from,
    layout.nodes.filter(n => n.layer === from.layer && (isBefore ? place(n) < place(from) : place(n) > place(from))),
  );
}
