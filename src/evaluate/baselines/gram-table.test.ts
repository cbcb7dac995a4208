import fc from "fast-check";
import { expect, test } from "vitest";
import { column, gramTable } from "./gram-table.ts";

test("a table is a map from pairs to numbers in order of arrival, also while it grows", () => {
  const pair = fc.tuple(fc.nat(50), fc.oneof(fc.nat(50), fc.constant(0xfffffffe)));
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 3000 }), pairs => {
      const table = gramTable(1);
      const map = new Map<string, number>();
      for (const [a, b] of pairs) {
        const key = `${a} ${b}`;
        expect(table.find(a, b)).toBe(map.get(key) ?? -1);
        if (!map.has(key)) map.set(key, map.size);
        expect(table.insert(a, b)).toBe(map.get(key));
        expect(table.size).toBe(map.size);
      }
      for (const [key, n] of map) {
        const [a, b] = key.split(" ").map(Number);
        expect(table.find(a!, b!)).toBe(n);
        expect(table.prefixOf(n)).toBe(a);
      }
    }),
    { numRuns: 30 },
  );
});

test("a column holds zero until something is added, however far out", () => {
  const c = column(2);
  c.add(1, 3);
  c.add(100, 2);
  c.add(1, 1);
  expect([c.get(0), c.get(1), c.get(100), c.get(5000)]).toEqual([0, 4, 2, 0]);
});
