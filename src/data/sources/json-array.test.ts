import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonElements } from "./json-array.ts";
import { sourceOptions } from "./options.ts";
import { readBytes } from "./read-bytes.laws.ts";

async function* piecesOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("elements are those of JSON.parse, wherever pieces end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue()),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(undefined, 2),
      async (values, size, indent) => {
        const found: unknown[] = [];
        for await (const e of jsonElements(piecesOf(Buffer.from(JSON.stringify(values, null, indent)), size)))
          found.push(JSON.parse(e.bytes!.toString("utf8")));
        expect(found).toEqual(JSON.parse(JSON.stringify(values)));
      },
    ),
  );
});

const options = sourceOptions.parse({ folder: ".", reader: "jsonl" });
const read = (content: string) => readBytes("a.json", Buffer.from(content), options);

test("an array of records in a .json file is its records", async () => {
  const records = await read(' [ {"text":"one","id":7}, {"text":"two, [3]"} ,\n 5, {"text":"\\"]"} ]\n');
  expect(records.map(r => (r.ok ? r.text : r.reason))).toEqual(["one", "two, [3]", "json", '"]']);
  expect(records.map(r => r.place)).toEqual(["a.json[0]", "a.json[1]", "a.json[2]", "a.json[3]"]);
  expect(records[0]).toMatchObject({ key: "a.json#7" });
});

test("an array that does not end gives what came before", async () => {
  const records = await read('[{"text":"one"},{"text":"tw');
  expect(records).toMatchObject([{ text: "one" }, { reason: "json", message: expect.stringContaining("does not end, after 1") }]);
  expect(await read('[{"text":"one"}] {"text":"two"}')).toMatchObject([{ text: "one" }, { reason: "json" }]);
  expect(await read("[]")).toEqual([]);
  expect(await read("[ , ]")).toMatchObject([{ reason: "json" }]);
});

test("JSON Lines under the ending of JSON are read line by line; one object on several lines is one", async () => {
  expect(await read('{"text":"one"}\n{"text":"two"}\n')).toMatchObject([
    { text: "one", place: "a.json:1" },
    { text: "two", place: "a.json:2" },
  ]);
  expect(await read('{\n  "text": "one"\n}\n')).toMatchObject([{ text: "one", place: "a.json", key: "a" }]);
  expect(await read('{"text":"one"}\n')).toMatchObject([{ text: "one", place: "a.json", key: "a" }]);
});
