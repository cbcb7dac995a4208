import { expect, test } from "vitest";
import { flattened } from "./flattened.ts";

test("inner values are named by their path, lists of plain values stay whole", () => {
  expect(flattened({ a: 1, split: { seed: 2, by: { near: true } }, tags: ["x", "y"] })).toEqual([
    ["a", 1],
    ["split seed", 2],
    ["split by near", true],
    ["tags", ["x", "y"]],
  ]);
});

test("items of a list are numbered lines that begin with their names", () => {
  expect(flattened({ steps: [{ name: "clean" }, { name: "length", minBytes: 2000 }, "x"] })).toEqual([
    ["steps 1", "clean"],
    ["steps 2", "length, minBytes 2.00 kB"],
    ["steps 3", "x"],
  ]);
});

test("nothing and a lone value are no rows", () => {
  for (const value of [undefined, null, 3, {}]) expect(flattened(value)).toEqual([]);
});
