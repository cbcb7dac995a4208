import { expect, test } from "vitest";
import type { Difference } from "../../evaluate/index.ts";
import { differenceTable } from "./page-tables.ts";

const difference = (value: number, p: number, better: Difference["better"] = "higher"): Difference & { readonly pHolm?: number } => ({
  metric: "f1",
  better,
  items: 100,
  first: 0.8 + value,
  second: 0.8,
  value,
  low: value - 0.01,
  high: value + 0.01,
  wins: 9,
  losses: 4,
  p,
  test: "randomisation",
});
const verdictOf = (d: Difference & { readonly pHolm?: number }) =>
  /.*<td[^>]*>([^<]*)<\/td><\/tr>/.exec(differenceTable([d], "a@1", "a@2"))?.[1];

test("a row of the page says in words whether it is better, by the measure's direction and the corrected p", () => {
  expect(verdictOf(difference(0.1, 0.01))).toBe("better");
  expect(verdictOf(difference(-0.1, 0.01))).toBe("worse");
  expect(verdictOf(difference(-0.1, 0.01, "lower"))).toBe("better");
  expect(verdictOf(difference(0.1, 0.2))).toBe("no significant difference");
  // an interval without zero is not enough where the test of all measures together does not tell them apart
  expect(verdictOf({ ...difference(0.1, 0.04), pHolm: 0.08 })).toBe("no significant difference");
});
