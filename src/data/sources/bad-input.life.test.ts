/** What no reader may do with bad input: throw, hang, or say nothing. One table over all readers; a new reader does not compile without a row. */
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { freeBytes } from "./compressed/meter.ts";
import { wordFile } from "./docx.laws.ts";
import { maxLineBytes, maxRecordBytes, sourceLines } from "./file.ts";
import { type ReaderName, readerNames, sourceOptions } from "./options.ts";
import { parquetLimits, parquetReader } from "./parquet.ts";
import { pdfOf } from "./pdf/pdf-writer.laws.ts";
import { pdfLimits, pdfReader } from "./pdf/reader.ts";
import { fileOf, readBytes } from "./read-bytes.laws.ts";
import { readers } from "./readers.ts";
import type { Reader, ReadRecord } from "./source.ts";
import { workbookFile } from "./xlsx/xlsx.laws.ts";

const page = "<html><title>T</title><p>The text of the page is here for all to read.</p></html>";
const http = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n${page}`;
const warcRecord = `WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: ${http.length}\r\n\r\n${http}\r\n\r\n`;

/** A good file of each reader, what it is called, and how many documents it holds. */
const good: { readonly [N in ReaderName]: readonly [name: string, bytes: Buffer, documents: number] } = {
  email: ["m/a.eml", Buffer.from("Subject: s\nContent-Type: text/plain; charset=utf-8\n\nA mail's text.\n"), 1],
  text: ["a.txt", Buffer.from("A text."), 1],
  markdown: ["a.md", Buffer.from("---\ntitle: T\n---\n\n# Head\n\nA text."), 1],
  html: ["a.html", Buffer.from(page), 1],
  jsonl: ["a.jsonl", Buffer.from('{"text":"one"}\n{"text":"two"}\n'), 2],
  huggingface: ["data/train-00000-of-00001.jsonl", Buffer.from('{"text":"one"}\n{"text":"two"}\n'), 2],
  csv: ["a.csv", Buffer.from('text,n\n"one, two",1\nthree,2\n'), 2],
  xlsx: [
    "a.xlsx",
    workbookFile({
      texts: ["text"],
      rows: ['<row r="1"><c r="A1" t="s"><v>0</v></c></row>', '<row r="2"><c r="A2" t="inlineStr"><is><t>one</t></is></c></row>'],
    }),
    1,
  ],
  warc: ["a.warc", Buffer.from(warcRecord + warcRecord), 2],
  docx: ["a.docx", wordFile("<w:p><w:r><w:t>First.</w:t></w:r></w:p>"), 1],
  pdf: ["a.pdf", pdfOf([[{ text: "One fox runs.", x: 72, y: 700 }]]), 1],
  parquet: ["a.parquet", Buffer.from(parquetWriteBuffer({ columnData: [{ name: "text", data: ["one", "two"], type: "STRING" }] })), 2],
};

const optionsOf = (reader: ReaderName) => sourceOptions.parse(reader === "huggingface" ? { huggingface: "." } : { folder: ".", reader });
const read = (reader: ReaderName, bytes: Buffer, name = good[reader][0]) => readBytes(name, bytes, optionsOf(reader));

/** Some hits make Parquet and PDF run without end, which is what their process is for; here it is not waited for. */
const hasty = { pieceMs: 300, memoryBytes: 2 ** 29 };
const impatient = (reader: ReaderName): Reader =>
  reader === "parquet"
    ? parquetReader({ ...parquetLimits, ...hasty })
    : reader === "pdf"
      ? pdfReader({ ...pdfLimits, ...hasty })
      : readers[reader];

/** Every record is a document with a text, or has a place in the file and a reason. */
function expectSound(records: readonly ReadRecord[], name: string): void {
  for (const r of records) {
    if (r.ok) expect(r.text.trim()).not.toBe("");
    else expect(r.reason, r.message).toMatch(/^[a-z-]+$/);
    expect(r.place.startsWith(name), r.place).toBe(true);
  }
}
const reasons = (records: readonly ReadRecord[]) => [...new Set(records.flatMap(r => (r.ok ? [] : [r.reason])))];

describe.each(readerNames)("%s", reader => {
  const [name, bytes, documents] = good[reader];

  test("a good file gives its documents", async () => {
    const records = await read(reader, bytes);
    expectSound(records, name);
    expect(records.filter(r => r.ok)).toHaveLength(documents);
  });

  test("no bytes are no document", async () => {
    const records = await read(reader, Buffer.alloc(0));
    expectSound(records, name);
    expect(records.filter(r => r.ok)).toEqual([]);
  });

  test("nothing but NUL bytes is set aside", async () => {
    for (const size of [1, 5000]) {
      const records = await read(reader, Buffer.alloc(size));
      expectSound(records, name);
      expect(records.filter(r => r.ok)).toEqual([]);
      expect(records.length).toBeGreaterThan(0);
    }
  });

  test("cut anywhere or hit by random bytes it throws nothing, and says where and why", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length),
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 12 }),
        async (cut, hits) => {
          const bad = Buffer.from(hits.length > 0 ? bytes : bytes.subarray(0, cut));
          for (const [at, value] of hits) bad[at] = value;
          expectSound(await readBytes(name, bad, optionsOf(reader), impatient(reader)), name);
        },
      ),
      { numRuns: 25 },
    );
    expect((await read(reader, bytes)).filter(r => r.ok)).toHaveLength(documents);
  });

  test("random bytes of any size are set aside or nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async array =>
        expectSound(await readBytes(name, Buffer.from(array), optionsOf(reader), impatient(reader)), name),
      ),
      { numRuns: 15 },
    );
  });

  test("packed and cut it is damaged, after what came before", async () => {
    const packed = gzipSync(bytes);
    const records = await read(reader, packed.subarray(0, packed.length - 12), `${name}.gz`);
    expectSound(records, `${name}.gz`);
    expect(reasons(records)).toContain("damaged");
  });
});

test("a bomb of blanks or NULs in gzip is set aside by every reader, whole or in its first records", async () => {
  const bomb = gzipSync(Buffer.alloc(freeBytes + 2 ** 22, 32), { level: 9 });
  for (const reader of readerNames) {
    const name = `${good[reader][0]}.gz`;
    const records = await read(reader, bomb, name);
    expectSound(records, name);
    expect(
      records.filter(r => r.ok),
      reader,
    ).toEqual([]);
    expect(
      reasons(records).some(r => ["bomb", "too-long"].includes(r)),
      `${reader}: ${reasons(records)}`,
    ).toBe(true);
    expect(records.length, reader).toBeGreaterThan(0);
  }
});

test("a file that is one record and says to be larger than any may be is set aside without being read", async () => {
  for (const reader of ["text", "markdown", "html", "docx", "email"] as const) {
    const never = () => Promise.reject(new Error("read"));
    const file = { ...fileOf(good[reader][0], Buffer.alloc(0)), sizeBytes: maxRecordBytes + 1, bytes: never };
    const records: ReadRecord[] = [];
    for await (const r of readers[reader].records(file, optionsOf(reader))) records.push(r);
    expect(reasons(records), reader).toEqual(["too-long"]);
  }
});

test("of a line beyond the limit nothing is held, however it comes", async () => {
  const pieces = async function* () {
    for (let i = 0; i < 3 * (maxLineBytes / 2 ** 20); i++) yield Buffer.alloc(2 ** 20, 120);
    yield Buffer.from("\nshort\n");
  };
  const lines: (string | undefined)[] = [];
  for await (const { bytes } of sourceLines(pieces())) lines.push(bytes?.toString());
  expect(lines).toEqual([undefined, "short"]);
});

/** A multipart that begins again and again with the same boundary: a parser that believes it goes in a circle. */
const nested = (depth: number, boundary: (i: number) => string) => {
  const head = (i: number) => `Content-Type: multipart/mixed; boundary="${boundary(i)}"\n\n--${boundary(i)}\n`;
  return `Subject: deep\n${Array.from({ length: depth }, (_, i) => head(i)).join("")}Content-Type: text/plain\n\nthe innermost text\n`;
};
const forwarded = (depth: number) =>
  `Subject: deep\n${"Content-Type: message/rfc822\n\nSubject: inner\n".repeat(depth)}\nthe innermost text\n`;

test("mails within mails and parts within parts end, at any depth, with one boundary or many", async () => {
  for (const depth of [1, 5, 50, 2000])
    for (const mail of [nested(depth, () => "same"), nested(depth, i => `b${i}`), forwarded(depth)]) {
      const records = await read("email", Buffer.from(mail));
      expectSound(records, "m/a.eml");
      expect(records).toHaveLength(1);
    }
  expect(await read("email", Buffer.from(nested(3, i => `b${i}`)))).toMatchObject([
    { ok: true, text: expect.stringContaining("the innermost text") },
  ]);
});

test("encodings that are mixed in one file cost only the records that are not what the file is", async () => {
  const latin = Buffer.from("caf\xe9", "latin1");
  const mixed = (parts: readonly (string | Buffer)[]) => Buffer.concat(parts.map(p => Buffer.from(p as string)));
  const jsonl = await read("jsonl", mixed(['{"text":"ä"}\n{"text":"', latin, '"}\n{"text":"ö"}\n']));
  expect(jsonl.map(r => (r.ok ? r.text : r.reason))).toEqual(["ä", "wrong-charset", "ö"]);
  const csv = await read("csv", mixed(["text\nä\n", latin, "\nö\n"]));
  expect(csv.map(r => (r.ok ? r.text : r.reason)).sort()).toEqual(["wrong-charset", "ä", "ö"]);
  const boxes = mixed(["From a\nSubject: s\n\nä\n\nFrom b\nSubject: s\nContent-Type: text/plain; charset=iso-8859-1\n\n", latin, "\n"]);
  const mails = await read("email", boxes, "m/box.mbox");
  expect(mails.map(r => r.ok && r.text)).toEqual([expect.stringContaining("ä"), expect.stringContaining("café")]);
  expect(reasons(await read("text", mixed(["ä ", latin])))).toEqual(["wrong-charset"]);
});
