import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readEvaluationItems } from "./items.ts";
import { setOptions } from "./options.ts";

const set = (file: string, more: object = {}) => setOptions.parse({ name: "quiz", file, prompt: "question", answer: "answer", ...more });
const rows = [
  { question: "What is the capital of France?", answer: "Paris" },
  { question: 'Who said, "I came, I saw"?', answer: "Caesar" },
];
const jsonl = Buffer.from(rows.map(r => `${JSON.stringify(r)}\n`).join(""));
const expected = rows.map((r, i) => ({ key: `quiz#${i}`, prompt: r.question, answer: r.answer, passage: "" }));

test("JSON Lines, CSV and both compressed give the same items", async () => {
  const csv = Buffer.from('id,question,answer\n7,What is the capital of France?,Paris\n8,"Who said, ""I came, I saw""?",Caesar\n');
  for (const [file, content] of [
    ["a.jsonl", jsonl],
    ["a.csv", csv],
    ["a.jsonl.gz", gzipSync(jsonl)],
    ["a.csv.gz", gzipSync(csv)],
  ] as const)
    expect(await readEvaluationItems(content, set(file))).toEqual(expected);
  expect((await readEvaluationItems(csv, set("a.csv", { id: "id" }))).map(i => i.key)).toEqual(["quiz#7", "quiz#8"]);
});

test("an answer may be a number, the first of a list, or the letter or number of a choice", async () => {
  const read = async (record: object, more: object = {}) =>
    (await readEvaluationItems(Buffer.from(JSON.stringify({ question: "q", ...record })), set("a.jsonl", more)))[0]!.answer;
  expect(await read({ answer: 42 })).toBe("42");
  expect(await read({ a: { text: ["Paris", "paris"] } }, { answer: "a.text" })).toBe("Paris");
  expect(await read({ answer: 1, c: ["x", "y"] }, { choices: "c" })).toBe("y");
  expect(await read({ answer: "B", c: ["x", "y"] }, { choices: "c" })).toBe("y");
});

test("what cannot be read is an error that names the record, never a missing item", async () => {
  const fails = async (content: string | Buffer, message: RegExp, more: object = {}, file = "a.jsonl") =>
    await expect(readEvaluationItems(Buffer.from(content), set(file, more))).rejects.toThrow(message);
  await fails(`${jsonl}{"question": "half`, /^a\.jsonl:3: expected JSON/);
  await fails('{"question": "q"}', /^a\.jsonl:1: expected a text in field "answer", got question/);
  await fails("[1]", /a\.jsonl:1: expected an object/);
  await fails("", /a\.jsonl: expected items, got none/);
  await fails('{"question":"q","answer":"E","c":["x"]}', /letter of one of "c"/, { choices: "c" });
  await fails('{"question":"q","answer":"","id":1}\n{"question":"r","answer":"","id":1}', /a\.jsonl:2: expected an id of its own/, {
    id: "id",
  });
  await fails("question\nwhat\n", /a\.csv: expected texts in "answer", got a field that is empty or missing/, {}, "a.csv");
  await fails('question,answer\n"open,1\n', /quote/, {}, "a.csv");
  await fails(gzipSync(jsonl).subarray(0, 40), /a\.jsonl/);
  await fails(Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/);
});
