import { expect, test } from "vitest";
import { lastOf, valueAt } from "./value-at.ts";

test("between two measurements the earlier one holds; before the first and after the last there is none", () => {
  const values = [null, 3, null, null, 2, null];
  expect(values.map((_, i) => valueAt(values, i))).toEqual([null, 3, 3, 3, 2, null]);
});

test("the last value passes over gaps", () => {
  expect([lastOf([3, 1, null]), lastOf([null]), lastOf([])]).toEqual([1, null, null]);
});
