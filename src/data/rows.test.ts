import fc from "fast-check";
import { expect, test } from "vitest";
import { fillRows } from "./rows.ts";

test("every piece is in one row, and no row overflows", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 32 }), { maxLength: 200 }), sizes => {
      const rows = fillRows(sizes, 32);
      expect(rows.flat().sort((a, b) => a - b)).toEqual(sizes.map((_, i) => i));
      for (const row of rows) expect(row.reduce((s, i) => s + sizes[i]!, 0)).toBeLessThanOrEqual(32);
      // no two rows could be one: at most one row is half empty or more
      expect(rows.filter(row => row.reduce((s, i) => s + sizes[i]!, 0) <= 16).length).toBeLessThanOrEqual(1);
    }),
  );
});

test("a full row stands alone, and a piece that fits exactly is put where it fits", () => {
  expect(fillRows([10, 4, 6, 3], 10)).toEqual([[0], [2, 1], [3]]);
  expect(() => fillRows([11], 10)).toThrow(/at most 10, got 11/);
});
