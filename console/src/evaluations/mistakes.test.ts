import fc from "fast-check";
import { expect, test } from "vitest";
import { mistakesOf, tableOf } from "./mistakes.ts";

const names = (k: number) => Array.from({ length: k }, (_, i) => `c${i}`);

test("a table has every cell once, shares of a row add up to one where it has items, and mistakes come greatest first", () => {
  const cell = fc.tuple(fc.nat(4), fc.nat(4), fc.integer({ min: 1, max: 50 }));
  fc.assert(
    fc.property(fc.uniqueArray(cell, { selector: ([t, p]) => 5 * t + p }), cells => {
      const table = tableOf(names(5), cells)!;
      expect(table.flat().reduce((s, c) => s + c.items, 0)).toBe(cells.reduce((s, c) => s + c[2], 0));
      for (const [t, p, n] of cells) expect(table[t]![p]!.items).toBe(n);
      for (const row of table) expect(row.reduce((s, c) => s + c.share, 0)).toBeCloseTo(row.some(c => c.items > 0) ? 1 : 0, 9);
      const wrong = mistakesOf(cells);
      expect(wrong.every(([t, p], i) => t !== p && (i === 0 || wrong[i - 1]![2] >= wrong[i]![2]))).toBe(true);
    }),
  );
});

test("of more classes than a page has room for there is no table", () => {
  expect(tableOf(names(20), [])).toHaveLength(20);
  expect(tableOf(names(21), [])).toBeNull();
});
