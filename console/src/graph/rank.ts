/**
 * Layers of a graph: every edge goes from a lower layer to a higher one. Longest path from the sources, then each node without need to
 * wait is pulled next to what is made of it. Edges that would close a circle (damaged records) are left out of the layering.
 */

export interface Edge {
  readonly from: string;
  readonly to: string;
}

/** Edges between known, different nodes, each pair once, without those that close a circle (depth first, in the order given). */
export function acyclic(ids: readonly string[], edges: readonly Edge[]): Edge[] {
  const known = new Set(ids);
  const out = new Map<string, Edge[]>(ids.map(id => [id, []]));
  const seen = new Set<string>();
  for (const e of edges) {
    const pair = JSON.stringify([e.from, e.to]);
    if (e.from === e.to || !known.has(e.from) || !known.has(e.to) || seen.has(pair)) continue;
    seen.add(pair);
    out.get(e.from)?.push({ from: e.from, to: e.to });
  }
  const state = new Map<string, "open" | "done">();
  const kept: Edge[] = [];
  for (const start of ids) {
    if (state.has(start)) continue;
    state.set(start, "open");
    const stack = [{ id: start, next: 0 }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const edge = out.get(top.id)?.[top.next++];
      if (!edge) {
        state.set(top.id, "done");
        stack.pop();
        continue;
      }
      const seenAs = state.get(edge.to);
      if (seenAs === "open") continue;
      kept.push(edge);
      if (seenAs === undefined) {
        state.set(edge.to, "open");
        stack.push({ id: edge.to, next: 0 });
      }
    }
  }
  return kept;
}

/** Layer of every node, from 0. `edges` have no circle. */
export function rank(ids: readonly string[], edges: readonly Edge[]): Map<string, number> {
  const into = new Map<string, number>(ids.map(id => [id, 0]));
  const out = new Map<string, string[]>(ids.map(id => [id, []]));
  for (const e of edges) {
    into.set(e.to, (into.get(e.to) ?? 0) + 1);
    out.get(e.from)?.push(e.to);
  }
  const layer = new Map<string, number>(ids.map(id => [id, 0]));
  const order = ids.filter(id => into.get(id) === 0);
  for (let i = 0; i < order.length; i++) {
    const id = order[i]!;
    for (const to of out.get(id) ?? []) {
      layer.set(to, Math.max(layer.get(to)!, layer.get(id)! + 1));
      into.set(to, into.get(to)! - 1);
      if (into.get(to) === 0) order.push(to);
    }
  }
  // A source that is needed late stands next to its first product. Products first, so that a chain moves whole.
  const hasInput = new Set(edges.map(e => e.to));
  for (const id of order.toReversed()) {
    const products = out.get(id) ?? [];
    if (products.length > 0 && !hasInput.has(id)) layer.set(id, Math.min(...products.map(p => layer.get(p)!)) - 1);
  }
  return layer;
}
