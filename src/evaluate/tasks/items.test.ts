import { expect, test } from "vitest";
import { parseItems } from "./items.ts";

const fieldsOf = async (...given: Parameters<typeof parseItems>) => (await parseItems(...given)).map(i => i.fields);

test("the same items come out of every format", async () => {
  const want = [
    { q: "a, b", n: "1" },
    { q: 'say "x"\nnow', n: "2" },
  ];
  expect(await fieldsOf(want.map(w => JSON.stringify(w)).join("\n"), "a.jsonl", "jsonl")).toEqual(want);
  expect(await fieldsOf(JSON.stringify(want, null, 2), "a.json", "json")).toEqual(want);
  expect(await fieldsOf('\uFEFFq,n\n"a, b",1\n"say ""x""\nnow",2\n', "a.csv", "csv")).toEqual(want);
  expect(await fieldsOf('q\tn\na, b\t1\n"say ""x""\nnow"\t2\n', "a.tsv", "tsv")).toEqual(want);
});

test("a place is the line on which an item begins, or its number where a line has several", async () => {
  const places = async (...given: Parameters<typeof parseItems>) => (await parseItems(...given)).map(i => i.place);
  expect(await places('{"a":1}\n\n{"a":2}\n', "a.jsonl", "jsonl")).toEqual(["a.jsonl:1", "a.jsonl:3"]);
  expect(await places('[\n  {"a": "}\\"{"},\n  {"a": [1,\n 2]},\n  {"a": 3}\n]', "a.json", "json")).toEqual([
    "a.json:2",
    "a.json:3",
    "a.json:5",
  ]);
  expect(await places('[{"a": 1}, {"a": 2},\n{"a": 3}]', "a.json", "json")).toEqual(["a.json[0]", "a.json[1]", "a.json[2]"]);
  expect(await places('a,b\n1,"x\ny"\n2,z\n', "a.csv", "csv")).toEqual(["a.csv:2", "a.csv:4"]);
});

test.each([
  ['{"a":1}\n{"a":\n', "jsonl", "a.x:2: expected a JSON object a line"],
  ['{"a":1}\n[1]\n', "jsonl", "a.x:2: expected an object"],
  ['[{"a":1},\n{"a" 2}]', "json", "a.x:2: expected JSON"],
  ["3", "json", "a.x: expected a list of objects, got 3"],
  ["a,b\n1,2\n3\n", "csv", "a.x:3: expected 2 columns, got 1"],
  ["a,a\n1,2\n", "csv", '"a" twice'],
  ["a,b\n", "csv", "expected an item or more, got none"],
  ["", "jsonl", "expected an item or more, got none"],
] as const)("%j as %s is refused with its place", async (text, format, message) => {
  await expect(parseItems(text, "a.x", format)).rejects.toThrow(message);
});
