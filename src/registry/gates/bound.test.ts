import { expect, test } from "vitest";
import { parseCondition } from "../../evaluate/index.ts";
import { boundOf } from "./bound.ts";

const figures: Readonly<Record<string, number>> = { "model f1": 0.8, "model loss": 2, "against f1": 0.7 };
const boundIn = (source: string) =>
  boundOf(parseCondition(source, { against: ["prod"], tasks: [] }), t => figures[`${t.side} ${t.metric}`] ?? Number.NaN);

test("the version's own figures stand alone on the left, whichever side of a condition they were written on", () => {
  expect(boundIn("f1 < 0.5")).toEqual({ value: 0.8, operator: "<", bound: 0.5 });
  expect(boundIn("0.5 <= f1")).toEqual({ value: 0.8, operator: ">=", bound: 0.5 });
  expect(boundIn("prod.f1 - 0.2 > f1")).toEqual({ value: 0.8, operator: "<", bound: expect.closeTo(0.5, 12) });
  expect(boundIn("f1 - prod.f1 < 0.25")).toEqual({ value: 0.8, operator: "<", bound: expect.closeTo(0.95, 12) });
});

test("a factor from 0 to 1 turns nothing", () => {
  expect(boundIn("0 * loss < 0.75")).toEqual({ value: 0, operator: "<", bound: 0.75 });
  expect(boundIn("0.5 * loss > 0.75")).toEqual({ value: 1, operator: ">", bound: 0.75 });
});

test("a condition on the current version alone has its figures on the left", () => {
  expect(boundIn("prod.f1 < 0.5")).toEqual({ value: 0.7, operator: "<", bound: 0.5 });
});

test("what depends on a figure that is missing is left out", () => {
  expect(boundIn("recall < prod.f1")).toEqual({ operator: "<", bound: 0.7 });
  expect(boundIn("f1 < prod.recall")).toEqual({ value: 0.8, operator: "<" });
});
