/** What a classifier is debiased by: groups of its texts, and weights that make the class independent of them; what is no group is refused. */
import { expect, test } from "vitest";
import { multiLabelOptions } from "../multi-label/options.ts";
import { headAdversary, reweighedTexts } from "./debias.ts";
import { debiasOptions } from "./debias-options.ts";
import { checkGroups, groupAttributes } from "./groups.ts";

const classes = ["no", "yes"];
const textsOf = (rows: readonly (readonly [sex: string | null, label: number])[]) => ({
  ids: rows.map((_, i) => String(i)),
  labels: Int32Array.from(rows, r => r[1]),
  attributes: rows.map(([sex]) => ({ sex, city: "here" })),
});
const rows = [
  ["f", 0],
  ["f", 0],
  ["f", 1],
  ["m", 0],
  ["m", 1],
  ["m", 1],
] as const;
const recipe = (attributes: readonly string[]) => debiasOptions.parse({ attributes });

test("each attribute is a head of the adversary; a text without a value is in a group of its own", () => {
  const adversary = headAdversary(recipe(["sex"]), textsOf([...rows, [null, 1]]), classes);
  expect(adversary.groups).toEqual([3]);
  expect([0, 3, 6].map(i => adversary.groupOf(i, 0))).toEqual([1, 2, 0]);
  expect(adversary).toMatchObject({ method: "projection", goal: "equalisedOdds", weight: 1, classes: 2 });
});

test("an attribute that no document has, or that has one value, is an error with its name", () => {
  expect(() => headAdversary(recipe(["age"]), textsOf(rows), classes)).toThrow(/debias: age: .*"age", which no document has/);
  expect(() => headAdversary(recipe(["city"]), textsOf(rows), classes)).toThrow(/debias: city: .*1 group, "here"/);
});

test("reweighed, class and group are independent; a group without a text of a class is an error", () => {
  const weights = reweighedTexts(["sex"], textsOf(rows), classes);
  const sum = (sex: string, label: number) => rows.reduce((s, r, i) => s + (r[0] === sex && r[1] === label ? weights[i]! : 0), 0);
  for (const sex of ["f", "m"]) expect(sum(sex, 1)).toBeCloseTo(sum(sex, 0), 9);
  expect(() => reweighedTexts(["sex"], textsOf([...rows, ["x", 1]]), classes)).toThrow(/none of class "no" in group "x"/);
});

test("groups of an evaluation are checked before training: attributes and outcome", () => {
  const test_ = textsOf(rows).attributes.map((attributes, i) => ({
    id: String(i),
    text: "",
    label: 0,
    group: "",
    isMade: false,
    attributes,
  }));
  const groups = { by: [["sex"]], least: 30, small: "undefined" } as const;
  expect(() => checkGroups({ ...groups, by: [["sex", "age"]] }, test_, classes, "d")).toThrow(/"age", which no document has/);
  expect(() => checkGroups({ ...groups, positive: "maybe" }, test_, classes, "d")).toThrow(/one of the classes no, yes/);
  expect(() => checkGroups({ ...groups, positive: "yes" }, test_, classes, "d")).not.toThrow();
  expect(groupAttributes({ sex: true, list: ["a"], n: 3, none: null }, ["sex", "list", "n", "none", "lacking"])).toEqual({
    sex: "true",
    n: 3,
  });
});

test("a recipe of several labels takes no debias: nothing would come of it", () => {
  const recipe = { labels: ["threat"] };
  expect(multiLabelOptions.safeParse(recipe).success).toBe(true);
  expect(multiLabelOptions.safeParse({ ...recipe, debias: { attributes: ["sex"] } }).error?.issues).toMatchObject([{ keys: ["debias"] }]);
});
