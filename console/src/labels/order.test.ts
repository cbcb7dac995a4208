import fc from "fast-check";
import { expect, test } from "vitest";
import { entropy, leastSureFirst } from "./order.ts";

test("nothing is less sure than a uniform guess, and a sure answer has no entropy", () => {
  expect(entropy([1, 0, 0])).toBe(0);
  expect(entropy([0.25, 0.25, 0.25, 0.25])).toBeCloseTo(Math.log(4), 12);
});

test("the order is one of all texts, falls in entropy, and keeps what is alike as it was", () => {
  expect(leastSureFirst([[1, 0], null, [0.5, 0.5], [0.9, 0.1], [0.5, 0.5]])).toEqual([2, 4, 3, 0, 1]);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), list => {
      const all = list.map(p => [p, 1 - p]);
      const order = leastSureFirst(all);
      expect(order.toSorted((a, b) => a - b)).toEqual(all.map((_, i) => i));
      for (let i = 1; i < order.length; i++) expect(entropy(all[order[i - 1]!]!)).toBeGreaterThanOrEqual(entropy(all[order[i]!]!));
    }),
  );
});
