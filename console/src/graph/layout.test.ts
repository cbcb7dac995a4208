import fc from "fast-check";
import { expect, test } from "vitest";
import { edgePath, type Layout, layout } from "./layout.ts";
import { crossings, order } from "./order.ts";
import { separate } from "./place.ts";
import { acyclic, rank } from "./rank.ts";

/** Graphs of any kind: circles, loops, doubles, unknown ends. */
const anyGraph = fc.integer({ min: 1, max: 14 }).chain(n =>
  fc.record({
    nodes: fc.array(fc.record({ width: fc.integer({ min: 10, max: 200 }), height: fc.integer({ min: 10, max: 90 }) }), {
      minLength: n,
      maxLength: n,
    }),
    edges: fc.array(fc.record({ from: fc.nat(n), to: fc.nat(n) }), { maxLength: 30 }),
  }),
);
type AnyGraph = typeof anyGraph extends fc.Arbitrary<infer T> ? T : never;
const idOf = (i: number) => `n${i}`;
const named = (g: AnyGraph) => ({
  nodes: g.nodes.map((size, i) => ({ id: idOf(i), ...size })),
  edges: g.edges.map(e => ({ from: idOf(e.from), to: idOf(e.to) })),
});
const direction = fc.constantFrom("right" as const, "down" as const);
const draw = (g: AnyGraph, d: "right" | "down"): Layout => {
  const { nodes, edges } = named(g);
  return layout(nodes, edges, { direction: d, layerGap: 40, nodeGap: 12 });
};

test("any graph is drawn: every node once, within the frame, none on another", () => {
  fc.assert(
    fc.property(anyGraph, direction, (g, d) => {
      const { nodes, width, height } = draw(g, d);
      expect(nodes.map(n => n.id).sort()).toEqual(g.nodes.map((_, i) => idOf(i)).sort());
      for (const [i, a] of nodes.entries()) {
        expect(Math.min(a.x, a.y)).toBeGreaterThanOrEqual(-1e-6);
        expect(a.x + a.width).toBeLessThanOrEqual(width + 1e-6);
        expect(a.y + a.height).toBeLessThanOrEqual(height + 1e-6);
        for (const b of nodes.slice(i + 1)) {
          const apart =
            a.x + a.width <= b.x + 1e-6 || b.x + b.width <= a.x + 1e-6 || a.y + a.height <= b.y + 1e-6 || b.y + b.height <= a.y + 1e-6;
          expect(apart, `${a.id} and ${b.id}`).toBe(true);
        }
      }
    }),
  );
});

test("without circles, every product lies after all it was made from", () => {
  fc.assert(
    fc.property(anyGraph, direction, (g, d) => {
      const edges = g.edges.filter(e => e.from < e.to && e.to < g.nodes.length);
      const { nodes, edges: drawn } = draw({ ...g, edges }, d);
      const byId = new Map(nodes.map(n => [n.id, n]));
      for (const e of edges) {
        const [from, to] = [byId.get(idOf(e.from))!, byId.get(idOf(e.to))!];
        expect(d === "right" ? from.x + from.width : from.y + from.height).toBeLessThan(d === "right" ? to.x : to.y);
      }
      expect(drawn.length).toBe(new Set(edges.map(e => `${e.from} ${e.to}`)).size);
    }),
  );
});

test("an edge begins and ends at its nodes' borders and never turns back", () => {
  fc.assert(
    fc.property(anyGraph, g => {
      const { nodes, edges } = draw(g, "right");
      const byId = new Map(nodes.map(n => [n.id, n]));
      for (const e of edges) {
        const [from, to] = [byId.get(e.from)!, byId.get(e.to)!];
        const [first, last] = [e.points[0]!, e.points.at(-1)!];
        expect(first).toEqual({ x: from.x + from.width, y: expect.closeTo(from.y + from.height / 2, 6) });
        expect(last).toEqual({ x: to.x, y: expect.closeTo(to.y + to.height / 2, 6) });
        e.points.forEach((p, i) => void expect(p.x).toBeGreaterThanOrEqual(e.points[i - 1]?.x ?? first.x));
      }
    }),
  );
});

test("the same graph is drawn the same", () => {
  fc.assert(fc.property(anyGraph, direction, (g, d) => void expect(draw(g, d)).toEqual(draw(g, d))));
});

test("a chain is drawn as a straight line", () => {
  const ids = ["source", "documents", "tokenizer", "model", "evaluation"];
  const nodes = ids.map(id => ({ id, width: 100, height: 40 }));
  const edges = ids.slice(1).map((to, i) => ({ from: ids[i]!, to }));
  const { nodes: placed } = layout(nodes, edges, { direction: "right", layerGap: 40, nodeGap: 12 });
  expect(new Set(placed.map(n => n.y)).size).toBe(1);
  expect(placed.map(n => n.x)).toEqual([0, 140, 280, 420, 560]);
});

test("dropping edges that close circles leaves none, and drops nothing where there are none", () => {
  fc.assert(
    fc.property(anyGraph, g => {
      const { nodes, edges } = named(g);
      const ids = nodes.map(n => n.id);
      const kept = acyclic(ids, edges);
      const layers = rank(ids, kept);
      for (const e of kept) expect(layers.get(e.from)!).toBeLessThan(layers.get(e.to)!);
      expect(acyclic(ids, kept)).toHaveLength(kept.length);
    }),
  );
});

test("ordering never adds crossings, and undoes a simple twist", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ a: fc.nat(5), b: fc.nat(5) }), { maxLength: 15 }), pairs => {
      const layers = ["a", "b"].map(l => [0, 1, 2, 3, 4, 5].map(i => `${l}${i}`));
      const edges = pairs.map(p => ({ from: `a${p.a}`, to: `b${p.b}` }));
      const slow = edges.flatMap((e, i) =>
        edges.slice(i + 1).filter(f => (e.from < f.from && e.to > f.to) || (e.from > f.from && e.to < f.to)),
      ).length;
      expect(crossings(layers, edges)).toBe(slow);
      expect(crossings(order(layers, edges), edges)).toBeLessThanOrEqual(slow);
    }),
  );
  const twist = [
    { from: "a", to: "y" },
    { from: "b", to: "x" },
  ];
  expect(
    crossings(
      order(
        [
          ["a", "b"],
          ["x", "y"],
        ],
        twist,
      ),
      twist,
    ),
  ).toBe(0);
});

test("separated places keep their distances and no other such places are nearer to what was wanted", () => {
  const one = fc.record({
    want: fc.integer({ min: -100, max: 100 }),
    weight: fc.integer({ min: 1, max: 5 }),
    gap: fc.integer({ min: 0, max: 30 }),
  });
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 1, maxLength: 8 }),
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
      (rows, nudge) => {
        const [wanted, weights, gaps] = [rows.map(r => r.want), rows.map(r => r.weight), rows.map(r => r.gap)];
        const placed = separate(wanted, weights, gaps);
        const isLegal = (at: readonly number[]) => at.every((x, i) => i === 0 || x - at[i - 1]! >= gaps[i]! - 1e-9);
        const cost = (at: readonly number[]) => at.reduce((sum, x, i) => sum + weights[i]! * (x - wanted[i]!) ** 2, 0);
        expect(isLegal(placed)).toBe(true);
        const other = placed.map((x, i) => x + nudge[i]!);
        if (isLegal(other)) expect(cost(placed)).toBeLessThanOrEqual(cost(other) + 1e-6);
      },
    ),
  );
});

test("a path starts at the first point and ends at the last", () => {
  const path = edgePath(
    [
      { x: 0, y: 1 },
      { x: 10, y: 5 },
      { x: 20, y: 5 },
    ],
    "right",
  );
  expect(path.startsWith("M0 1C")).toBe(true);
  expect(path.endsWith(" 20 5")).toBe(true);
});
