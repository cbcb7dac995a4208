/** Fairness of results: names of measures, gates that stay closed where nothing can be counted, and one figure in tables, gates and conditions. */
import { expect, test } from "vitest";
import { parseCondition } from "./condition.ts";
import { fairnessMeasureOf, fairnessTables } from "./fairness.ts";
import { fairnessLines } from "./fairness-lines.ts";
import { gateVerdict, tellVerdict } from "./gate.ts";
import type { ItemResult, ResultHead } from "./item.ts";
import { measureOf } from "./measures.ts";
import { scoreOf } from "./score.ts";

const choices = ["no", "yes"];
/** Cells as [group, truth, predicted, items]; a group of "" has no attribute. */
const itemsOf = (cells: readonly (readonly [string, number, number, number])[]): ItemResult[] =>
  cells.flatMap(([sex, truth, told, n], c) =>
    Array.from({ length: n }, (_, k) => ({
      id: `${c}/${k}`,
      place: `${c}:${k}`,
      prompt: "",
      right: choices[truth]!,
      came: choices[told]!,
      ms: 0,
      attributes: { ...(sex === "" ? {} : { sex }), race: k % 2 ? "x" : "y" },
      choices,
      gold: [truth],
      told,
      logLikelihoods: told ? [Math.log(0.3), Math.log(0.7)] : [Math.log(0.8), Math.log(0.2)],
    })),
  );
const headOf = (groups: Partial<NonNullable<ResultHead["groups"]>> = {}): ResultHead => ({
  task: "t",
  output: "classify",
  groups: { by: [["sex"]], positive: "yes", least: 10, small: "undefined", ...groups },
});
const biased = itemsOf([
  ["f", 1, 1, 20],
  ["f", 1, 0, 20],
  ["f", 0, 1, 4],
  ["f", 0, 0, 36],
  ["m", 1, 1, 36],
  ["m", 1, 0, 4],
  ["m", 0, 1, 12],
  ["m", 0, 0, 28],
]);
const gate = (source: string, items: readonly ItemResult[], head: ResultHead) =>
  gateVerdict(parseCondition(source, { against: [], tasks: [] }), head, { items }, undefined, { draws: 100 });

test("a table, a measure and a gate give the same figure", () => {
  const [table] = fairnessTables(headOf(), biased);
  const odds = table!.figures.find(f => f.measure === "equalisedOdds")!;
  expect(odds.value).toBeCloseTo(0.9 - 0.5, 12);
  expect(odds.groups).toEqual(["f", "m"]);
  const verdict = gate("equalisedOdds > 0.1", biased, headOf());
  expect(verdict.figures.equalisedOdds).toBeCloseTo(0.4, 12);
  expect(verdict).toMatchObject({ evidence: "shown", fails: true });
  expect(odds.low!).toBeGreaterThan(0.1);
  expect(fairnessLines([table!]).join("\n")).toMatch(/equalisedOdds +0\.400 \[0\.\d+, 0\.\d+\] {2}f and m/);
});

test("a gap that small groups happen not to show is undecided, not shown to be small", () => {
  const alike = itemsOf(
    ["f", "m"].flatMap((g): [string, number, number, number][] => [
      [g, 1, 1, 7],
      [g, 0, 0, 13],
    ]),
  );
  expect(gate("demographicParity > 0.1", alike, headOf())).toMatchObject({ difference: -0.1, evidence: "undecided", holds: false });
  const figure = measureOf("demographicParity", headOf());
  const { low, high } = scoreOf(figure, alike);
  expect(low).toBe(0);
  expect(high).toBeGreaterThan(0.2);
});

test("of several groupings a bare name is the worst, and a name after the colon is one", () => {
  const head = headOf({ by: [["race"], ["sex"], ["sex", "race"]] });
  const all = Int32Array.from(biased, (_, i) => i);
  const value = (name: string) => fairnessMeasureOf(name, head)!.prepare(biased)(all);
  const own = ["race", "sex", "sex:race"].map(name => value(`demographicParity:${name}`));
  expect(value("demographicParity")).toBe(Math.max(...own));
  expect(value("disparateImpact")).toBe(Math.min(...["race", "sex", "sex:race"].map(name => value(`disparateImpact:${name}`))));
  expect(() => measureOf("equalisedOdds:age", head)).toThrow(/equalisedOdds:sex:race/);
});

test("items without the attribute are a group and never dropped", () => {
  const [table] = fairnessTables(headOf(), [...biased, ...itemsOf([["", 1, 1, 12]])]);
  expect(table!.groups.map(g => [g.group, g.items])).toEqual([
    ["(missing)", 12],
    ["f", 80],
    ["m", 80],
  ]);
  expect(table!.figures.find(f => f.measure === "equalisedOdds")!.undefined).toBe(
    'group "(missing)" has no items of another class ("yes"), so no falsePositiveRate',
  );
});

test("a group of one, a single group and a group without a denominator fail a gate, with the reason", () => {
  const one = [...biased, ...itemsOf([["other", 1, 1, 1]])];
  const verdict = gate("equalisedOdds > 0.5", one, headOf());
  expect(verdict).toMatchObject({ evidence: "unknown", fails: true, why: 'group "other" has 1 items, fewer than 10' });
  expect(tellVerdict(verdict)).toContain('group "other" has 1 items, fewer than 10');
  // left out only where the task says so
  expect(gate("equalisedOdds > 0.7", one, headOf({ small: "leave-out" }))).toMatchObject({ evidence: "excluded", fails: false });
  const women = biased.filter(i => i.attributes.sex === "f");
  expect(gate("equalisedOdds > 0.5", women, headOf())).toMatchObject({
    fails: true,
    why: "only one group has 10 items or more; a gap needs two",
  });
});

test("without groups the measure is unknown, and the hint says what the task needs", () => {
  expect(() => measureOf("equalisedOdds", { task: "t", output: "classify" })).toThrow(/The task needs `groups`/);
});
