import { expect, test } from "vitest";
import { fitted, flameBoxes } from "./flame.ts";

const span = (what: string, kind: "product" | "chain", startMs: number, ms: number) => ({ what, kind, startMs, ms });
const timeline = [
  { program: "gradient", ms: 10, spans: [span("a", "product", 1, 2), span("b", "product", 3, 1), span("c", "chain", 5, 4)] },
  { program: "update", ms: 4, spans: [span("d", "product", 0.5, 3)] },
];

test("boxes of a depth never overlap, lie within the box above, and kernels add up to what they took", () => {
  const boxes = flameBoxes(timeline);
  for (const depth of [1, 2, 3] as const) {
    const row = boxes.filter(b => b.depth === depth);
    for (const [i, b] of row.entries()) {
      const before = row[i - 1];
      if (before) expect(b.startMs).toBeGreaterThanOrEqual(before.startMs + before.ms);
      const above = boxes.filter(o => o.depth === depth - 1 && o.startMs <= b.startMs && o.startMs + o.ms >= b.startMs + b.ms);
      expect(above, `${depth} ${b.text}`).toHaveLength(1);
    }
  }
  expect(boxes.filter(b => b.depth === 3).reduce((n, b) => n + b.ms, 0)).toBe(10);
});

test("the second program begins where the first ends, and kernels of one kind in a row are one group", () => {
  const boxes = flameBoxes(timeline);
  expect(boxes[0]).toMatchObject({ depth: 0, ms: 14 });
  expect(boxes.filter(b => b.depth === 2).map(b => [b.text, b.startMs, b.ms])).toEqual([
    ["product", 1, 3],
    ["chain", 5, 4],
    ["product", 10.5, 3],
  ]);
});

test("a text is shortened to its box, and left out where nothing of it could be read", () => {
  expect(fitted("product", 100)).toBe("product");
  expect(fitted("product [4096, 256]", 70)).toBe("product […");
  expect(fitted("product", 20)).toBe("");
});
