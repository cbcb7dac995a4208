/** Slices by an attribute: many numbers are parts, whatever a few items have in their place; every item is in one group. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { evaluateTask } from "../evaluate-task.ts";
import { rememberedAnswers } from "../models/kept-answers.ts";
import type { EvaluatedModel } from "../models/model.ts";
import { readTask } from "../tasks/read-task.ts";
import type { ItemResult } from "./item.ts";
import { itemGroups, sliceScores } from "./score.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-slices-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const itemsOf = (values: readonly (string | number | undefined)[]): ItemResult[] =>
  values.map((value, i) => ({
    id: String(i),
    place: String(i),
    prompt: "",
    right: "",
    came: "",
    ms: 0,
    attributes: value === undefined ? {} : { size: value },
  }));
const sizes = (groups: ReturnType<typeof itemGroups>) => groups.map(g => [g.group, g.items.length]);

const ages = Array.from({ length: 60 }, (_, i) => (i * 7) % 60);

test("numbers of which some are missing are parts of equal size, and the items without one a group of their own", () => {
  const values = ages.flatMap((age, i) => (i % 10 === 0 ? [age, undefined] : [age]));
  expect(sizes(itemGroups(itemsOf(values), "size", 3))).toEqual([
    ["0 to 19", 20],
    ["20 to 39", 20],
    ["40 to 59", 20],
    ["no value", 6],
  ]);
});

test("a table's numbers are texts and its missing values empty ones: the same parts", () => {
  const values = ages.flatMap((age, i) => (i % 10 === 0 ? [String(age), ""] : [String(age)]));
  expect(sizes(itemGroups(itemsOf(values), "size", 3)).slice(0, 3)).toEqual(sizes(itemGroups(itemsOf(ages), "size", 3)));
  expect(sizes(itemGroups(itemsOf(values), "size", 3)).at(-1)).toEqual(["no value", 6]);
});

test("a text in a number's place is a group beside the parts; numbers among texts stay texts, and names with zeros before them too", () => {
  const some = [...ages, "unknown", "unknown", "none"];
  expect(sizes(itemGroups(itemsOf(some), "size", 2))).toEqual([
    ["0 to 29", 30],
    ["30 to 59", 30],
    ["unknown", 2],
    ["none", 1],
  ]);
  const titles = [...ages.slice(0, 14).map(String), ...ages.map(a => `title ${a}`)];
  expect(itemGroups(itemsOf(titles), "size", 3).at(-1)!.group).toBe("74 others");
  const codes = ages.map(a => `0${a}`);
  expect(itemGroups(itemsOf(codes), "size", 3).at(-1)!.group).toBe("60 others");
});

test("values of one item each are one group, and a single item is no slice", () => {
  expect(sizes(itemGroups(itemsOf(["a", "a", "b", "c", "d", "d", "d"]), "size", 3))).toEqual([
    ["d", 3],
    ["a", 2],
    ["2 others", 2],
  ]);
  // as many values as items, of which none is a group of its own
  expect(sizes(itemGroups(itemsOf(["id-1", "id-2", "id-3"]), "size", 3))).toEqual([["3 others", 3]]);
  const slices = sliceScores(itemsOf(["a", "a", "b", undefined]), [{ by: "size", parts: 3 }], []);
  expect(slices.map(s => [s.group, s.items])).toEqual([["a", 2]]);
});

test("few different numbers are told one by one, missing ones last however many", () => {
  expect(sizes(itemGroups(itemsOf([1, 2, 2, undefined, undefined, undefined]), "size", 3))).toEqual([
    ["2", 2],
    ["1", 1],
    ["no value", 3],
  ]);
});

test("lengths are as many parts as are asked for, few different ones too", () => {
  const lengths = [30, 30, 31, 31, 32, 33, 34, 35];
  expect(sizes(itemGroups(itemsOf(lengths), "size", 2, true))).toEqual([
    ["30 to 31", 4],
    ["32 to 35", 4],
  ]);
  expect(sizes(itemGroups(itemsOf([7, 7, undefined]), "size", 3, true))).toEqual([
    ["7", 2],
    ["no value", 1],
  ]);
});

const value = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.double({ noNaN: true }), fc.constantFrom("", "a", "12", "-3.5", undefined));

test("every item is in one group, and the parts are ranges that do not overlap", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 80 }), fc.integer({ min: 2, max: 6 }), fc.boolean(), (values, parts, isLength) => {
      const items = itemsOf(values);
      const groups = itemGroups(items, "size", parts, isLength);
      expect(groups.flatMap(g => g.items.map(i => i.id)).sort()).toEqual(items.map(i => i.id).sort());
      expect(groups.every(g => g.items.length > 0)).toBe(true);
      const ranges = groups
        .filter(g => / to /.test(g.group))
        .map(g => g.items.map(i => Number(i.attributes.size)))
        .map(own => [Math.min(...own), Math.max(...own)] as const);
      for (const [k, [low]] of ranges.entries()) if (k > 0) expect(low).toBeGreaterThan(ranges[k - 1]![1]);
    }),
  );
});

const model: EvaluatedModel = {
  id: "m",
  fingerprint: "m",
  likelihood: async (requests, each) => {
    for (const i of requests.keys()) each(i, { choices: [{ logLikelihood: -1, isGreedy: true }], ms: 1 });
  },
};
async function attributesOf(file: string, content: string, slices: string) {
  writeFileSync(join(folder, file), content);
  writeFileSync(
    join(folder, "t.yaml"),
    `task: t\ndata: { test: ${file} }\nprompt: q\noutput: loglikelihood\ntarget: a\nslices: [${slices}]\n`,
  );
  const { items } = await evaluateTask({ loaded: await readTask(join(folder, "t.yaml")), model, answers: rememberedAnswers() });
  return items.map(i => i.attributes);
}

test("null, an absent field and an empty cell are no value; a field that no item has is an error with the fields there are", async () => {
  const lines = [
    { q: "x", a: "y", age: 3, note: null },
    { q: "x", a: "y", age: null, note: "abc" },
    { q: "x", a: "y", note: "" },
  ];
  const json = lines.map(l => JSON.stringify(l)).join("\n");
  expect(await attributesOf("i.jsonl", json, "age, { length: note }")).toEqual([
    { age: 3 },
    { "length of note": 3 },
    { "length of note": 0 },
  ]);
  expect(await attributesOf("i.csv", "q,a,age\nx,y,3\nx,y,\n", "age")).toEqual([{ age: "3" }, {}]);
  await expect(attributesOf("i.jsonl", json, "agee")).rejects.toThrow(/i\.jsonl:1: slices: expected one of q, a, age, note, got "agee"/);
});
