import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sourceOptions } from "../options.ts";
import { readBytes } from "../read-bytes.laws.ts";
import { dateOf } from "./reader.ts";
import { columnOf } from "./sheet-xml.ts";
import { workbookFile } from "./xlsx.laws.ts";

const read = (bytes: Buffer, given: object = {}) =>
  readBytes("a.xlsx", bytes, sourceOptions.parse({ folder: ".", reader: "xlsx", ...given }));
const cell = (reference: string, value: string, more = "") => `<c r="${reference}" ${more}>${value}</c>`;

test("rows are documents, by the names of the first row; shared, inline and computed texts, numbers, truths, dates", async () => {
  const bytes = workbookFile({
    texts: ["text", "label", "one &amp; <b/>two", "day"],
    rows: [
      `<row r="3">${cell("B3", "<v>0</v>", 't="s"')}${cell("C3", "<v>1</v>", 't="s"')}${cell("D3", "<v>3</v>", 't="s"')}${cell("E3", "<is><t>n</t></is>", 't="inlineStr"')}</row>`,
      `<row r="4">${cell("B4", "<v>2</v>", 't="s"')}${cell("C4", "<v>1</v>", 't="b"')}${cell("D4", "<v>45658</v>", 's="1"')}${cell("E4", "<v>1.5</v>")}</row>`,
      '<row r="5"/>',
      `<row r="6">${cell("B6", "<f>A1</f><v>computed</v>", 't="str"')}${cell("D6", "<v>45658.75</v>", 's="2"')}${cell("E6", "<v>#REF!</v>", 't="e"')}</row>`,
      `<row r="7">${cell("E7", "<v>7</v>")}</row>`,
    ],
  });
  expect(await read(bytes)).toMatchObject([
    { ok: true, text: "one & two", place: "a.xlsx:Sheet1!4", attributes: { label: true, day: "2025-01-01", n: 1.5 } },
    { ok: true, text: "computed", place: "a.xlsx:Sheet1!6", attributes: { day: "2025-01-01T18:00:00" } },
    { ok: false, place: "a.xlsx:Sheet1!7", reason: "empty" },
  ]);
});

test("a table without the column is refused by the names that it has", async () => {
  const bytes = workbookFile({
    texts: ["Message", "topic"],
    rows: [`<row r="1">${cell("A1", "<v>0</v>", 't="s"')}${cell("B1", "<v>1</v>", 't="s"')}</row>`],
  });
  expect(await read(bytes)).toMatchObject([
    { reason: "xlsx", message: 'expected a column "text", got Message, topic. Name the column that holds the text with field:' },
  ]);
  expect(await read(bytes, { field: "message" })).toMatchObject([{ message: expect.stringContaining('Did you mean "Message"?') }]);
});

describe("dates by their numbers", () => {
  test.each([
    [1, false, "1900-01-01"],
    [59, false, "1900-02-28"],
    [61, false, "1900-03-01"],
    [45_658, false, "2025-01-01"],
    [0.5, false, "12:00:00"],
    [44_196, true, "2025-01-01"],
  ])("%d (from 1904: %s) is %s", (serial, from1904, wanted) => expect(dateOf(serial, from1904)).toBe(wanted));
});

test("columns by their letters", () => {
  expect(["A1", "Z9", "AA1", "BC12", "XFD1", "1", undefined].map(columnOf)).toEqual([0, 25, 26, 54, 16_383, undefined, undefined]);
});

test("an .xls file of the old format is named", async () => {
  expect(await read(Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]))).toMatchObject([
    { reason: "xlsx", message: expect.stringContaining("save it as .xlsx") },
  ]);
});

test("a workbook that openpyxl has written", async ({ skip }) => {
  const folder = mkdtempSync(join(tmpdir(), "loam-xlsx-"));
  const path = join(folder, "x.xlsx");
  const script = [
    "import datetime, sys, openpyxl",
    "book = openpyxl.Workbook()",
    "sheet = book.active",
    "sheet.title = 'Größe & Co'",
    "sheet.append(['id', 'text', 'when', 'n'])",
    "sheet.append([7, 'Grüße\\nzweite Zeile', datetime.datetime(2024, 2, 29, 6, 30), 2.5])",
    "book.create_sheet('empty')",
    "second = book.create_sheet('second')",
    "second.append(['text', 'label'])",
    "second.append(['more', 'x'])",
    "book.save(sys.argv[1])",
  ].join("\n");
  // Debian's package is for the system's own Python, which need not be the first on the path
  const hasWritten = ["/usr/bin/python3", "python3"].some(
    program => spawnSync(program, ["-c", script, path], { stdio: "ignore" }).status === 0,
  );
  if (!hasWritten) {
    rmSync(folder, { recursive: true });
    skip("no Python with openpyxl here");
  }
  const records = await read(readFileSync(path));
  rmSync(folder, { recursive: true });
  expect(records).toMatchObject([
    { key: "a.xlsx#7", place: "a.xlsx:Größe & Co!2", text: "Grüße\nzweite Zeile", attributes: { when: "2024-02-29T06:30:00", n: 2.5 } },
    { place: "a.xlsx:second!2", text: "more", attributes: { label: "x" } },
  ]);
});
