import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { zipOf } from "../sources/docx.laws.ts";
import { inspectFolder } from "./inspect.ts";
import { delimiterOf, encodingOf } from "./sniff.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loam-look-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const write = (path: string, content: string | Buffer) => {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), content);
};

test("encodings by marks, NUL bytes and validity; a cut character is no error", () => {
  expect(encodingOf(Buffer.from("\ufeffabc", "utf16le"), true)).toBe("utf-16le");
  expect(encodingOf(Buffer.from("plain words", "utf16le"), true)).toBe("utf-16le");
  expect(encodingOf(Buffer.from("plain words", "utf16le").swap16(), true)).toBe("utf-16be");
  expect(encodingOf(Buffer.from("grün"), true)).toBe("utf-8");
  expect(encodingOf(Buffer.from("grün", "latin1"), true)).toBe("windows-1252");
  expect(encodingOf(Buffer.from("grü").subarray(0, 3), false)).toBe("utf-8");
  expect(encodingOf(Buffer.from("grü").subarray(0, 3), true)).toBe("windows-1252");
});

test.each([
  [",", 'text,label\n"one, two; three",x\nfour,y\n'],
  [";", 'text;label\n"one; two",x\nthree, four, five;y\n'],
  ["\t", "text\tlabel\none, two\tx\n"],
  ["|", "text|label\none|x\n"],
  [",", "text\none\ntwo\n"],
])("columns separated by %j", async (delimiter, table) => expect((await delimiterOf(table)).delimiter).toBe(delimiter));

test("mails under .txt are mails; folders are labels where they look like classes", async () => {
  for (const label of ["spam", "ham"])
    for (let i = 0; i < 6; i++)
      write(`${label}/${i}.txt`, `From: a@b.c\nTo: d@e.f\nSubject: Number ${i}\nDate: x\n\nThe words of mail ${i} are here.\n`);
  const inspection = await inspectFolder(folder);
  expect(inspection.formats).toMatchObject([
    {
      reader: "email",
      documents: 12,
      label: { from: "folder" },
      labels: [
        { label: "ham", documents: 6 },
        { label: "spam", documents: 6 },
      ],
    },
  ]);
});

test("records in an archive have their fields; numbers, nested fields, identifiers are told from texts and labels", async () => {
  const rows = Array.from({ length: 60 }, (_, i) =>
    JSON.stringify({
      id: `row ${i} of a long name that nobody reads`,
      body: `the text of row ${i} has some words`,
      meta: { stars: i % 5 },
      rare: i === 3 ? "x" : undefined,
    }),
  );
  write("a.zip", zipOf({ "in/a.jsonl": rows.join("\n") }));
  write("picture.png", "no");
  const inspection = await inspectFolder(folder);
  expect(inspection.others).toEqual([{ ending: ".png", files: 1 }]);
  expect(inspection.formats).toMatchObject([
    {
      reader: "jsonl",
      files: 1,
      documents: 60,
      text: "body",
      label: { from: "field", name: "meta.stars" },
      source: { field: "body", attributes: { label: "meta.stars" } },
    },
  ]);
  expect(inspection.formats[0]!.fields.find(f => f.name === "rare")).toMatchObject({ filled: 1 / 60, distinct: 1 });
});

test("a folder that is too large to read whole is estimated", async () => {
  write(
    "a.jsonl",
    Array.from({ length: 2000 }, (_, i) => JSON.stringify({ text: `row ${i} with as many words as all the others` })).join("\n"),
  );
  const [format] = (await inspectFolder(folder, { documents: 100 })).formats;
  expect(format!.read).toMatchObject({ documents: 100, all: false });
  expect(format!.documents).toBeGreaterThan(1400);
  expect(format!.documents).toBeLessThan(2600);
});

test("records without a text say so", async () => {
  write("a.csv", "a,b\n1,2\n3,4\n");
  const [format] = (await inspectFolder(folder)).formats;
  expect(format).toMatchObject({ text: undefined, read: { documents: 0, setAside: 1 } });
});
