import { expect, test } from "vitest";
import { layout } from "../graph/layout.ts";
import { type Arrow, walk } from "./walk.ts";

const edges = [
  ["documents", "tokenizer"],
  ["documents", "shards"],
  ["tokenizer", "model"],
  ["shards", "model"],
].map(([from, to]) => ({ from: from!, to: to! }));
const nodes = ["documents", "tokenizer", "shards", "model"].map(id => ({ id, width: 100, height: 40 }));
const drawn = layout(nodes, edges, { direction: "right", layerGap: 40, nodeGap: 20 });
const go = (id: string, arrow: Arrow) => walk(drawn, "right", id, arrow);

test("left and right follow edges, up and down stay in the layer, and there is an end everywhere", () => {
  const [upper, lower] = drawn.nodes.filter(n => n.layer === 1).toSorted((a, b) => a.y - b.y);
  expect(go(upper!.id, "ArrowLeft")).toBe("documents");
  expect(go(upper!.id, "ArrowRight")).toBe("model");
  expect(go(upper!.id, "ArrowDown")).toBe(lower!.id);
  expect(go(lower!.id, "ArrowUp")).toBe(upper!.id);
  expect([go("documents", "ArrowLeft"), go("model", "ArrowRight"), go("model", "ArrowUp"), go("nobody", "ArrowUp")]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

test("drawn downwards, the same walk turns with it", () => {
  const down = layout(nodes, edges, { direction: "down", layerGap: 40, nodeGap: 20 });
  const [left, right] = down.nodes.filter(n => n.layer === 1).toSorted((a, b) => a.x - b.x);
  expect(walk(down, "down", "documents", "ArrowDown")).not.toBeNull();
  expect(walk(down, "down", left!.id, "ArrowRight")).toBe(right!.id);
  expect(walk(down, "down", left!.id, "ArrowUp")).toBe("documents");
});
