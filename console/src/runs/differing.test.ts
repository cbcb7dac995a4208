import fc from "fast-check";
import { expect, test } from "vitest";
import { columnNames, differing, overlaid } from "./differing.ts";

const run = (steps: number[], columns: Record<string, (number | null)[]>) => ({
  artifact: "a",
  stage: "train@1",
  options: {},
  summary: {},
  madeFrom: {},
  steps,
  columns,
  units: {},
});

test("only what differs is a row, nested names are paths, and what a run lacks is a gap", () => {
  expect(
    differing([
      { a: 1, b: { c: 2, d: [1] } },
      { a: 1, b: { c: 3, d: [1] }, e: true },
    ]),
  ).toEqual([
    { name: "b c", values: ["2", "3"] },
    { name: "e", values: [null, "yes"] },
  ]);
  // values that are shown alike are told apart by what they are
  expect(differing([{ a: 1.000_01 }, { a: 1.000_02 }])).toHaveLength(1);
});

test("runs that are the same differ in nothing", () => {
  fc.assert(fc.property(fc.jsonValue(), value => void expect(differing([value, structuredClone(value)])).toEqual([])));
});

test("figures of any name are laid over each other by their steps", () => {
  const runs = [run([1, 2, 4], { loss: [3, 2, 1], mine: [0.1, null, 0.3] }), run([2, 3], { loss: [5, 4] })];
  expect(columnNames(runs)).toEqual(["loss", "mine"]);
  expect(overlaid(runs, "loss")).toEqual({
    x: [1, 2, 3, 4],
    ys: [
      [3, 2, null, 1],
      [null, 5, 4, null],
    ],
  });
  expect(overlaid(runs, "mine").ys).toEqual([
    [0.1, null, 0.3],
    [null, null, null],
  ]);
});
