import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliCompressSync, crc32, gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { ByteWriter, parquetWriteBuffer } from "hyparquet-writer";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import { afterEach, describe, expect, test } from "vitest";
import { packings } from "./compressed/packers.laws.ts";
import { wordFile, zipOf } from "./docx.laws.ts";
import { sourceFile } from "./file.ts";
import { manifestOf } from "./manifest.ts";
import { sourceOptions } from "./options.ts";
import { readers } from "./readers.ts";
import type { ReadRecord } from "./source.ts";

let folder = "";
const project = (files: Record<string, string | Buffer>) => {
  folder = mkdtempSync(join(tmpdir(), "loam-formats-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
};
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function readAll(options: object): Promise<ReadRecord[]> {
  const source = sourceOptions.parse({ folder: ".", ...options });
  const manifest = await manifestOf(source, { folder });
  const out: ReadRecord[] = [];
  for (const entry of manifest.files)
    for await (const r of readers[source.reader].records(sourceFile(manifest.root, entry), source)) out.push(r);
  return out;
}
/** One file through a reader. */
async function readOne(name: string, content: string | Buffer, options: object): Promise<ReadRecord[]> {
  project({ [name]: content });
  try {
    return await readAll({ files: [name], ...options });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
const brief = (records: ReadRecord[]) => records.map(r => (r.ok ? r.text : `${r.place}! ${r.reason}`));
const texts = (records: ReadRecord[]) => records.flatMap(r => (r.ok ? [r.text] : []));

const rowsOf = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ id: `r${i}`, text: `Row ${i} says something of its own.`, score: i / 2 }));
const jsonlOf = (n: number) =>
  rowsOf(n)
    .map(r => `${JSON.stringify(r)}\n`)
    .join("");
const parquetOf = (n: number, options: object = {}) =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: "id", data: rowsOf(n).map(r => r.id), type: "STRING" },
        { name: "text", data: rowsOf(n).map(r => r.text), type: "STRING" },
        { name: "score", data: rowsOf(n).map(r => r.score), type: "DOUBLE" },
        { name: "big", data: rowsOf(n).map((_, i) => BigInt(i) * 2n ** 40n), type: "INT64" },
        { name: "raw", data: rowsOf(n).map(() => new Uint8Array([1, 2])), type: "BYTE_ARRAY" },
      ],
      ...options,
    }),
  );

test("Parquet: rows of every group are documents, single values are attributes, bytes are not", async () => {
  const records = await readOne("data/train-00000-of-00001.parquet", parquetOf(10, { rowGroupSize: 4 }), { reader: "parquet" });
  expect(texts(records)).toEqual(rowsOf(10).map(r => r.text));
  expect(records[7]).toMatchObject({
    key: "data/train-00000-of-00001.parquet#r7",
    place: "data/train-00000-of-00001.parquet:8",
    attributes: { score: 3.5, big: 7 * 2 ** 40, group: "data" },
  });
  expect(records[7]?.ok && Object.keys(records[7].attributes).sort()).toEqual(["big", "group", "score"]);
});

test("a folder as Hugging Face lays it out is read split by split, Parquet or JSON Lines", async () => {
  const [train, test] = [rowsOf(3), rowsOf(5)];
  project({ "data/train-00000-of-00001.parquet": parquetOf(3), "data/test-00000-of-00001.parquet": parquetOf(5), "README.md": "card" });
  const labels = { train: ["**/train-*", "**/train.*"], test: ["**/test-*", "**/test.*"] };
  const read = await readAll({ reader: "parquet", labels });
  expect(texts(read)).toEqual([...test, ...train].map(r => r.text));
  expect(read.map(r => r.ok && r.attributes.label)).toEqual([...test.map(() => "test"), ...train.map(() => "train")]);
  rmSync(folder, { recursive: true });
  project({ "data/train.jsonl": jsonlOf(3), "data/test.jsonl.gz": gzipSync(jsonlOf(5)), "README.md": "card" });
  expect(texts(await readAll({ reader: "jsonl", labels }))).toEqual([...test, ...train].map(r => r.text));
});

test("Parquet that is cut, broken inside or no Parquet is set aside; groups that are whole are read", async () => {
  const whole = parquetOf(12, { rowGroupSize: 4, codec: "UNCOMPRESSED" });
  expect(brief(await readOne("x.parquet", whole.subarray(0, whole.length / 2), { reader: "parquet" }))).toEqual(["x.parquet! parquet"]);
  expect(brief(await readOne("x.parquet", "", { reader: "parquet" }))).toEqual(["x.parquet! parquet"]);
  expect(brief(await readOne("x.parquet", Buffer.alloc(1000), { reader: "parquet" }))).toEqual(["x.parquet! parquet"]);
  // The pages of the second group are overwritten.
  const broken = Buffer.from(whole);
  broken.fill(0xff, broken.indexOf("Row 4 says") - 60, broken.indexOf("Row 7 says"));
  const records = await readOne("x.parquet", broken, { reader: "parquet" });
  expect(brief(records)).toContain("x.parquet:5-8! parquet");
  expect(texts(records)).toEqual([...rowsOf(12).slice(0, 4), ...rowsOf(12).slice(8)].map(r => r.text));
});

test("a Parquet file cut anywhere, or whose end is overwritten, is set aside", async () => {
  const whole = parquetOf(6);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.boolean(), async (at, isCut) => {
      const bytes = isCut ? whole.subarray(0, at) : Buffer.concat([whole.subarray(0, at), Buffer.alloc(whole.length - at, 0xee)]);
      expect(brief(await readOne("x.parquet", bytes, { reader: "parquet" }))).toEqual(["x.parquet! parquet"]);
    }),
    { numRuns: 60 },
  );
});

test("a Parquet footer that points outside the file costs its groups, not the run", async () => {
  const whole = parquetOf(6, { codec: "UNCOMPRESSED" });
  // The middle of the file is taken out: the footer is whole, what it points to is gone.
  const footer = whole.length - 8 - whole.readUInt32LE(whole.length - 8);
  const bytes = Buffer.concat([whole.subarray(0, 20), whole.subarray(footer)]);
  expect(brief(await readOne("x.parquet", bytes, { reader: "parquet" }))).toEqual(["x.parquet:1-6! parquet"]);
});

/** A file of one column with the checksums of its pages in their headers, which this writer leaves out; and where each page ends. */
function withChecksums(plain: Buffer): { readonly file: Buffer; readonly ends: readonly number[] } {
  const metadata = parquetMetadata(new Uint8Array(plain).buffer);
  const writer = new ByteWriter();
  writer.appendBytes(Buffer.from("PAR1"));
  const ends: number[] = [];
  for (const { columns } of metadata.row_groups) {
    const chunk = columns[0]!.meta_data!;
    const [from, size, start] = [Number(chunk.data_page_offset), Number(chunk.total_compressed_size), writer.offset];
    const reader = { view: new DataView(new Uint8Array(plain.subarray(from, from + size)).buffer), offset: 0 };
    while (reader.offset < size) {
      const header = parquetHeader(reader);
      const page = plain.subarray(from + reader.offset, from + reader.offset + header.compressed_page_size);
      // A signed number in the header.
      writePageHeader(writer, { ...header, crc: crc32(page) | 0 });
      writer.appendBytes(page);
      ends.push(writer.offset);
      reader.offset += page.length;
    }
    chunk.data_page_offset = BigInt(start);
    chunk.total_compressed_size = BigInt(writer.offset - start);
    columns[0]!.file_offset = BigInt(start);
    delete columns[0]!.offset_index_offset;
    delete columns[0]!.column_index_offset;
  }
  writeMetadata(writer, metadata);
  writer.appendBytes(Buffer.from("PAR1"));
  return { file: Buffer.from(writer.getBuffer()), ends };
}

test("Parquet page checksums are checked", async () => {
  const data = rowsOf(8).map(r => r.text);
  for (const codec of ["UNCOMPRESSED", "SNAPPY"] as const) {
    const plain = parquetWriteBuffer({ columnData: [{ name: "text", data, type: "STRING" }], codec, rowGroupSize: 4 });
    const { file, ends } = withChecksums(Buffer.from(plain));
    expect(ends).toHaveLength(2);
    expect(texts(await readOne("x.parquet", file, { reader: "parquet" }))).toEqual(data);
    const broken = Buffer.from(file);
    // A letter of a text: without the checksum the file reads as well as before.
    broken[ends[1]! - 3]! ^= 1;
    const records = await readOne("x.parquet", broken, { reader: "parquet" });
    expect(texts(records)).toEqual(data.slice(0, 4));
    const [bad] = records.filter(r => !r.ok);
    expect(bad).toMatchObject({ place: "x.parquet:5-8", reason: "parquet" });
    expect(bad).toMatchObject({ message: expect.stringMatching(/^column text, page 1: expected the checksum 0x\w{8}, got 0x\w{8}$/) });
  }
});

test("nested attributes keep their path, in JSON, Parquet and front matter alike", async () => {
  const meta = { author: { name: "Ada", age: 36 }, editor: { name: "Bob" }, tags: ["a"] };
  const want = { "meta.author.name": "Ada", "meta.author.age": 36, "meta.editor.name": "Bob" };
  const attributes = async (name: string, content: string | Buffer, options: object) =>
    (await readOne(name, content, options)).map(r => (r.ok ? r.attributes : r));
  const json = JSON.stringify({ text: "A text.", meta });
  expect(await attributes("x.jsonl", json, { reader: "jsonl" })).toEqual([want]);
  const { "meta.author.name": _, ...others } = want;
  const named = { reader: "jsonl", attributes: { author: "meta.author.name" } };
  expect(await attributes("x.jsonl", json, named)).toEqual([{ author: "Ada", ...others }]);
  const deepText = JSON.stringify({ meta: { body: "A text.", n: 1 }, "meta.n": 2 });
  expect(await attributes("x.jsonl", deepText, { reader: "jsonl", field: "meta.body" })).toEqual([{ "meta.n": 2 }]);
  const { tags: __, ...groups } = meta;
  const table = Buffer.from(
    parquetWriteBuffer({
      schema: [
        { name: "root", num_children: 2 },
        { name: "text", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
        { name: "meta", num_children: 2, repetition_type: "OPTIONAL" },
        { name: "author", num_children: 2, repetition_type: "OPTIONAL" },
        { name: "name", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
        { name: "age", type: "INT64", repetition_type: "OPTIONAL" },
        { name: "editor", num_children: 1, repetition_type: "OPTIONAL" },
        { name: "name", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      ],
      columnData: [
        { name: "text", data: ["A text."] },
        { name: "meta", data: [{ ...groups, author: { ...groups.author, age: 36n } }] },
      ],
    }),
  );
  expect(await attributes("x.parquet", table, { reader: "parquet" })).toEqual([want]);
  expect(await attributes("x.parquet", table, { ...named, reader: "parquet" })).toEqual([{ author: "Ada", ...others }]);
  const page = `---\nmeta: ${JSON.stringify(meta)}\n---\nA text.`;
  expect(await attributes("x.md", page, { reader: "markdown" })).toEqual([{ ...want, "meta.tags": ["a"] }]);
});

test("several fields make one text, empty ones left out; a template puts them where it says; dots go deeper", async () => {
  const lines = [{ title: "T", body: "B", n: 3, meta: { lang: "en", summary: "S" } }, { title: "", body: "only" }, { n: 1 }].map(r =>
    JSON.stringify(r),
  );
  const read = (field: unknown) => readOne("x.jsonl", lines.join("\n"), { reader: "jsonl", field }).then(brief);
  expect(await read(["title", "body"])).toEqual(["T\n\nB", "only", "x.jsonl:3! json"]);
  expect(await read("# {title} ({n})\n{body}")).toEqual(["# T (3)\nB", "#  ()\nonly", "#  (1)\n"]);
  expect(await read("meta.summary")).toEqual(["S", "x.jsonl:2! json", "x.jsonl:3! json"]);
  const records = await readOne("x.jsonl", lines[0]!, { reader: "jsonl", field: ["title", "body"] });
  expect(records[0]).toMatchObject({ attributes: { n: 3 } });
  expect(records[0]?.ok && Object.keys(records[0].attributes)).toEqual(["n", "meta.lang", "meta.summary"]);
});

test("CSV: what is written as a table is read back, quotes, line ends and all", async () => {
  const cell = fc.array(fc.constantFrom("a", '"', ",", "\n", "ü", " ", "x y"), { maxLength: 6 }).map(c => c.join(""));
  const quoted = (s: string) => `"${s.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }), fc.constantFrom("\n", "\r\n"), async (rows, end) => {
      const file = [["text", "other"], ...rows].map(r => r.map(quoted).join(",")).join(end);
      const records = await readOne("x.csv", file, { reader: "csv" });
      const kept = rows.filter(([text]) => text.trim() !== "");
      expect(texts(records)).toEqual(kept.map(r => r[0]));
      expect(records.flatMap(r => (r.ok ? [r.attributes.other ?? ""] : []))).toEqual(kept.map(r => r[1]));
    }),
    { numRuns: 60 },
  );
});

test("CSV: bad rows cost themselves only, an open quote one line, wherever it stands", async () => {
  const rows = ["text,n", "one,1", '"two,2', "three,3", 'fo"ur,4', "five,5,5", '"six\nsix",6', "seven,7"];
  expect(brief(await readOne("x.csv", rows.join("\n"), { reader: "csv" })).sort()).toEqual(
    ["one", "three", "six\nsix", "seven", "x.csv:3! csv", "x.csv:5! csv", "x.csv:6! csv"].sort(),
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(30), fc.integer({ min: 1, max: 3 }), async (at, times) => {
      const lines = Array.from({ length: 31 }, (_, i) => `line ${i},"${i}"`);
      const bad = new Set(Array.from({ length: times }, (_, k) => (at + 7 * k) % 31));
      for (const i of bad) lines[i] = `"line ${i},${i}`;
      const records = await readOne("x.csv", ["text,n", ...lines].join("\n"), { reader: "csv" });
      expect(new Set(texts(records))).toEqual(new Set([...Array(31).keys()].filter(i => !bad.has(i)).map(i => `line ${i}`)));
      expect(records.filter(r => !r.ok)).toHaveLength(bad.size);
    }),
    { numRuns: 30 },
  );
});

test("CSV: tabs, marks of UTF-8 and UTF-16, other delimiters, wrong bytes in one row", async () => {
  expect(brief(await readOne("x.tsv", "text\tn\na,b\t1", { reader: "csv" }))).toEqual(["a,b"]);
  expect(brief(await readOne("x.csv", "text;n\na;1", { reader: "csv", delimiter: ";" }))).toEqual(["a"]);
  expect(brief(await readOne("x.csv", "\ufefftext,n\nä,1", { reader: "csv" }))).toEqual(["ä"]);
  expect(brief(await readOne("x.csv", Buffer.from("\ufefftext,n\nä,1", "utf16le"), { reader: "csv" }))).toEqual(["ä"]);
  const mixed = Buffer.concat([Buffer.from("text,n\nä,1\n"), Buffer.from("\xe4,2\n", "latin1"), Buffer.from("z\0z,3\nb,4")]);
  expect(brief(await readOne("x.csv", mixed, { reader: "csv" }))).toEqual(
    ["x.csv:3! wrong-charset", "ä", "x.csv:4! binary", "b"].sort((a, b) => order(a) - order(b)),
  );
  expect(brief(await readOne("x.csv", Buffer.from("text\n\xe4", "latin1"), { reader: "csv", encoding: "windows-1252" }))).toEqual(["ä"]);
});

test("a table whose first row is in another encoding is set aside once, with the encoding to say, and is read where that is said", async () => {
  const table = "Größe,text\ngroß,eins\nklein,zwei\n";
  // the names alone tell: all other rows are plain ASCII
  const plain = "Größe,text\nbig,one\nsmall,two\n";
  const encoded = (text: string, encoding: string): Buffer =>
    encoding === "windows-1252"
      ? Buffer.from(text, "latin1")
      : encoding === "utf-16le"
        ? Buffer.from(text, "utf16le")
        : Buffer.from(text, "utf16le").swap16();
  for (const encoding of ["windows-1252", "utf-16le", "utf-16be"])
    for (const [text, read] of [
      [table, ["eins", "zwei"]],
      [plain, ["one", "two"]],
      ...(encoding === "windows-1252" ? [] : [["size,text\n1,one\n", ["one"]] as const]),
    ] as const) {
      const file = encoded(text, encoding);
      const says = `the row that names the columns is not utf-8; name its \`encoding\` (${encoding}${encoding === "windows-1252" ? " is the commonest" : ", by its bytes"})`;
      for (const options of [{}, { field: "Größe" }, { delimiter: ";" }])
        expect(await readOne("x.csv", file, { reader: "csv", ...options })).toEqual([
          { ok: false, place: "x.csv:1", reason: "wrong-charset", message: says },
        ]);
      expect(brief(await readOne("x.csv", file, { reader: "csv", encoding }))).toEqual(read);
    }
});

test("a table without the columns that the source names is set aside once, with what to say instead", async () => {
  const refused = async (file: string, options: object, message: string) => {
    const records = await readOne("x.csv", file, { reader: "csv", ...options });
    expect(records).toEqual([{ ok: false, place: "x.csv:1", reason: "csv", message: expect.stringContaining(message) }]);
  };
  // quotes in the wrong place for this delimiter: the rows alone cannot be parsed
  const semicolons = 'Ticket;Message;Topic\n1;"late; ""again""";a\n2;"no parcel";b\n';
  await refused(semicolons, {}, 'The first row looks parted by ";": say delimiter: ";"');
  await refused("Ticket,Message\n1,late", { field: "Mesage" }, 'expected a column "Mesage", got Ticket, Message. Did you mean "Message"?');
  await refused("Subject line,Message\na,b", { field: "{Subject line}: {Mesage}" }, 'expected a column "Mesage"');
  await refused("text,Topic (final)\na,b", { attributes: { topic: "Topic (finals)" } }, 'Did you mean "Topic (final)"?');
  await refused("a,b\n1,2", { field: ["title", "body"] }, 'expected a column "title" or "body"');
  expect(brief(await readOne("x.csv", "title,b\n1,2", { reader: "csv", field: ["title", "body"] }))).toEqual(["1"]);
});

test("attributes are named anew and written one way, in tables and in records alike; the others stay as they are", async () => {
  const attributes = { topic: { field: "Topic (final)", case: "lower" }, via: "Channel", title: { field: "Subject line" } };
  const rows = [
    { "Subject line": " Late  again", Message: "where is it", "Topic (final)": "  Account\t access ", Channel: "Web ", Notes: "VIP" },
    { "Subject line": "", Message: "no", "Topic (final)": " ", Channel: "Phone", Notes: "" },
  ];
  const names = Object.keys(rows[0]!);
  const table = [names.join(","), ...rows.map(r => Object.values(r).join(","))].join("\n");
  const field = "{Subject line}: {Message}";
  const read = async (name: string, file: string, reader: string) =>
    (await readOne(name, file, { reader, field, attributes })).map(r => (r.ok ? [r.text, r.attributes] : r));
  const expected = [
    [" Late  again: where is it", { topic: "account access", via: "Web ", title: "Late again", Notes: "VIP" }],
    [": no", { via: "Phone", Notes: "" }],
  ];
  expect(await read("x.jsonl", rows.map(r => JSON.stringify(r)).join("\n"), "jsonl")).toEqual(expected);
  expect(await read("x.csv", table, "csv")).toEqual([expected[0], [": no", { via: "Phone" }]]);
  // names are data: none of them is a property of objects
  const odd = await readOne("x.csv", "text,__proto__\na,b", { reader: "csv", attributes: { constructor: "__proto__" } });
  expect(odd.flatMap(r => (r.ok ? Object.entries(r.attributes) : []))).toEqual([["constructor", "b"]]);
  const kept = await readOne("x.csv", "text,__proto__\na,b", { reader: "csv" });
  expect(kept.flatMap(r => (r.ok ? Object.entries(r.attributes) : []))).toEqual([["__proto__", "b"]]);
  expect(() => sourceOptions.parse({ folder: ".", reader: "csv", attributes: { id: "Ticket" } })).toThrow("another name than id");
  expect(() => sourceOptions.parse({ folder: ".", reader: "email", attributes })).toThrow("is for records with fields, not email");
});

const order = (s: string) => ["ä", "x.csv:3! wrong-charset", "x.csv:4! binary", "b"].indexOf(s);

const pagesOf = (n: number) =>
  Array.from(
    { length: n },
    (_, i) => `<html><title>Page ${i}</title><nav>Menu</nav><p>Page ${i} tells of a day in the town, and of the people there.</p>`,
  );
const warcRecord = (content: string | Buffer, headers: Record<string, string> = {}) => {
  const body = Buffer.from(content);
  const lines = {
    "WARC-Type": "response",
    "Content-Type": "application/http; msgtype=response",
    "Content-Length": String(body.length),
    ...headers,
  };
  const head = Object.entries(lines).map(([k, v]) => `${k}: ${v}\r\n`);
  return Buffer.concat([Buffer.from(`WARC/1.0\r\n${head.join("")}\r\n`), body, Buffer.from("\r\n\r\n")]);
};
const http = (body: string | Buffer, head = "Content-Type: text/html; charset=utf-8", status = "200 OK") =>
  Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n`), Buffer.from(body)]);
const good = (i: number) => warcRecord(http(pagesOf(i + 1)[i]!));
const pageText = (i: number) => `Page ${i} tells of a day in the town, and of the people there.`;

test("WARC: pages become their main text with address and date; other records are passed over", async () => {
  const records = await readOne(
    "x.warc.gz",
    Buffer.concat(
      [
        warcRecord("software: x", { "WARC-Type": "warcinfo", "Content-Type": "application/warc-fields" }),
        warcRecord("GET / HTTP/1.1\r\n\r\n", { "WARC-Type": "request" }),
        warcRecord(http(pagesOf(1)[0]!), {
          "WARC-Target-URI": "http://a/0",
          "WARC-Date": "2026-01-02T03:04:05Z",
          "WARC-Record-ID": "<urn:uuid:00000000-0000-0000-0000-000000000001>",
        }),
        warcRecord(http("not here", "Content-Type: text/html", "404 Not Found")),
        warcRecord(http(Buffer.from([0x89, 0x50]), "Content-Type: image/png")),
        warcRecord("Plain text of a page.", { "WARC-Type": "conversion", "Content-Type": "text/plain" }),
      ].map(r => gzipSync(r)),
    ),
    { reader: "warc" },
  );
  expect(texts(records)).toEqual([pageText(0), "Plain text of a page."]);
  expect(records[0]).toMatchObject({
    key: "x.warc.gz#00000000-0000-0000-0000-000000000001",
    attributes: { url: "http://a/0", date: "2026-01-02T03:04:05Z", title: "Page 0" },
  });
});

test("WARC: chunked, packed and oddly encoded bodies are read; crawlers that unpacked but kept the header too", async () => {
  const page = pagesOf(1)[0]!;
  const chunked = `${page.length.toString(16)}\r\n${page}\r\n0\r\n\r\n`;
  const type = "Content-Type: text/html";
  const bodies = [
    http(chunked, `${type}\r\nTransfer-Encoding: chunked`),
    http(page, `${type}\r\nTransfer-Encoding: chunked`),
    http(gzipSync(page), `${type}\r\nContent-Encoding: gzip`),
    http(brotliCompressSync(page), `${type}\r\nContent-Encoding: br`),
    http(page, `${type}\r\nContent-Encoding: gzip`),
  ];
  const read = await readOne("x.warc", Buffer.concat(bodies.map(b => warcRecord(b))), { reader: "warc" });
  expect(texts(read)).toEqual(bodies.map(() => pageText(0)));
  const latin = await readOne(
    "x.warc",
    warcRecord(http(Buffer.from("<p>caf\xe9 cr\xe8me", "latin1"), "Content-Type: text/html; charset=iso-8859-1")),
    { reader: "warc" },
  );
  expect(texts(latin)).toEqual(["café crème"]);
  const bomb = gzipSync(Buffer.alloc(70_000_000));
  expect(brief(await readOne("x.warc", warcRecord(http(bomb, `${type}\r\nContent-Encoding: gzip`)), { reader: "warc" }))).toEqual([
    "x.warc@0! bomb",
  ]);
});

test("WARC: a record whose length is wrong, missing or beyond the file costs itself, and its neighbours are read", async () => {
  for (const length of ["10", "999", "99999", "999999999", "-1", "abc", "99999999999999999999"]) {
    const records = await readOne(
      "x.warc",
      Buffer.concat([good(0), warcRecord(http(pagesOf(2)[1]!), { "Content-Length": length }), good(2), good(3)]),
      { reader: "warc" },
    );
    expect(texts(records), length).toEqual([0, 2, 3].map(pageText));
    expect(
      records.filter(r => !r.ok),
      length,
    ).toHaveLength(1);
    expect(records[1]?.place).toBe(`x.warc@${good(0).length}`);
  }
  const cut = Buffer.concat([good(0), good(1)]);
  expect(brief(await readOne("x.warc", cut.subarray(0, cut.length - 20), { reader: "warc" }))).toEqual([
    pageText(0),
    `x.warc@${good(0).length}! warc`,
  ]);
  expect(brief(await readOne("x.warc", "no such thing", { reader: "warc" }))).toEqual(["x.warc@0! warc"]);
  expect(await readOne("x.warc", "", { reader: "warc" })).toEqual([]);
});

test("WARC: twenty thousand records that all claim to be long are set aside one by one", async () => {
  const claim = warcRecord("x", { "Content-Length": "60000000" });
  const records = await readOne("x.warc", Buffer.concat([...Array<Buffer>(20_000).fill(claim), good(0)]), { reader: "warc" });
  expect(records).toHaveLength(20_001);
  expect(texts(records)).toEqual([pageText(0)]);
});

test("CSV: a table without the wanted column, or with a million of them, is no table", async () => {
  expect(await readOne("x.csv", "a,b\n1,2", { reader: "csv" })).toMatchObject([
    { place: "x.csv:1", reason: "csv", message: 'expected a column "text", got a, b. Name the column that holds the text with field:' },
  ]);
  expect(brief(await readOne("x.csv", `${"a,".repeat(1_000_000)}text`, { reader: "csv" }))).toEqual(["x.csv:1! csv"]);
});

test("HTML: a file is a page in the character set it is really in", async () => {
  const page = (head: string) => `<html><head><title>Größe</title>${head}</head><p>Ein schöner Tag für alle.</p>`;
  const latin = Buffer.from(page('<meta charset="iso-8859-1">'), "latin1");
  const lying = Buffer.from(page('<meta charset="utf-8">'), "latin1");
  const wide = Buffer.from(`\ufeff${page("")}`, "utf16le");
  for (const bytes of [Buffer.from(page("")), latin, lying, wide])
    expect(await readOne("x.html", bytes, { reader: "html" })).toMatchObject([
      { text: "Ein schöner Tag für alle.", attributes: { title: "Größe" } },
    ]);
  expect(brief(await readOne("x.html", Buffer.from("<p>\x93\xfa\x96\x7b", "latin1"), { reader: "html", encoding: "shift_jis" }))).toEqual([
    "日本",
  ]);
  expect(brief(await readOne("x.html", "", { reader: "html" }))).toEqual(["x.html! empty"]);
  expect(brief(await readOne("x.html", "\0\0\0\0", { reader: "html" }))).toEqual(["x.html! binary"]);
  const both = "<nav>Menu of the site</nav><main><p>The text of the page is here for all to read.</p></main>";
  expect(texts(await readOne("x.html", both, { reader: "html", extract: "all" }))).toEqual([
    "Menu of the site\n\nThe text of the page is here for all to read.",
  ]);
});

test("pages that declare their charset are not called undeclared", async () => {
  const page = (head: string, name = "Größe") => Buffer.from(`${head}<title>${name}</title><p>Ein schöner Tag für alle.</p>`, "latin1");
  const read = async (bytes: Buffer, head?: string) => {
    const [record] = head
      ? await readOne("x.warc", warcRecord(http(bytes, head)), { reader: "warc" })
      : await readOne("x.html", bytes, { reader: "html" });
    return record?.ok ? [record.attributes.title, record.edits] : record;
  };
  const declared = [
    '<meta charset="windows-1252">',
    "<META CHARSET=iso-8859-1>",
    '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-15">',
    '<?xml version="1.0" encoding="ISO-8859-1"?>',
  ];
  for (const head of declared) {
    expect(await read(page(head)), head).toEqual(["Größe", []]);
    expect(await read(page(head), "Content-Type: text/html"), head).toEqual(["Größe", []]);
  }
  const cyrillic = Buffer.concat([page("", "").subarray(0, 7), Buffer.from([0xf0, 0xd2]), page("", "").subarray(7)]);
  expect(await read(cyrillic, "Content-Type: text/html; charset=koi8-r")).toEqual(["Пр", []]);
  expect(await read(Buffer.from("\ufeff<title>Größe</title><p>Text", "utf16le"))).toEqual(["Größe", []]);
  const guessed = [{ rule: "undeclared-charset", value: "windows-1252" }];
  for (const head of ["", '<meta charset="utf-8">', '<meta charset="utf-16">', '<meta charset="no-such">'])
    expect(await read(page(head)), head).toEqual(["Größe", guessed]);
});

test("Markdown: front matter becomes attributes, what is none stays in the text", async () => {
  const read = async (text: string) => (await readOne("a/x.md", text, { reader: "markdown" }))[0];
  expect(await read("---\ntitle: T\ntags: [a, b]\ndraft: false\ndeep: {x: 1}\n---\n\n# Head\n\ntext *as is*\n")).toMatchObject({
    key: "a/x",
    text: "# Head\n\ntext *as is*\n",
    attributes: { title: "T", tags: ["a", "b"], draft: false, group: "a" },
  });
  for (const text of ["---\n\nA text between rules.\n\n---\nmore", "# Only a head\n---\n", "---\nnever ends: 1\n"])
    expect(await read(text)).toMatchObject({ text });
  const bad = "---\na: [1\nb: }\n---\ntext";
  expect(await read(bad)).toMatchObject({ text: bad, edits: [{ rule: "front-matter-unreadable" }] });
  expect(await read("---\na: 1\n---\n")).toMatchObject({ ok: false, reason: "empty" });
});

test("Word: paragraphs are text; what is cut, no Word file, or a bomb is set aside", async () => {
  const file = wordFile("<w:p><w:r><w:t>First &amp; only.</w:t></w:r></w:p><w:p><w:r><w:t>Second.</w:t></w:r></w:p>");
  expect(texts(await readOne("x.docx", file, { reader: "docx" }))).toEqual(["First & only.\n\nSecond."]);
  expect(brief(await readOne("x.docx", file.subarray(0, file.length / 2), { reader: "docx" }))).toEqual(["x.docx! damaged"]);
  expect(brief(await readOne("x.docx", "", { reader: "docx" }))).toEqual(["x.docx! empty"]);
  expect(brief(await readOne("x.docx", zipOf({ "a.xml": "<a/>" }), { reader: "docx" }))).toEqual(["x.docx! docx"]);
  expect(brief(await readOne("x.docx", wordFile(Buffer.alloc(40_000_000, 32)), { reader: "docx" }))).toEqual(["x.docx! bomb"]);
  const broken = Buffer.from(file);
  broken.fill(0xff, 60, 200);
  expect((await readOne("x.docx", broken, { reader: "docx" })).every(r => !r.ok)).toBe(true);
});

test("a line of 50 MB is set aside as too long, in little memory, and its neighbours are read", async () => {
  const long = Buffer.alloc(50_000_000, 120);
  const jsonl = Buffer.concat([Buffer.from('{"text":"one"}\n{"text":"'), long, Buffer.from('"}\n{"text":"three"}\n')]);
  expect(brief(await readOne("x.jsonl", jsonl, { reader: "jsonl" }))).toEqual(["one", "x.jsonl:2! too-long", "three"]);
  const table = Buffer.concat([Buffer.from("text\none\n"), long, Buffer.from("\nthree\n")]);
  expect(brief(await readOne("x.csv", table, { reader: "csv" })).sort()).toEqual(["one", "three", "x.csv:3! too-long"]);
});

test("what is wrong with one file is set aside with its place, and the files around it are read", async () => {
  const lines = Array.from(
    { length: 2000 },
    (_, i) => `${JSON.stringify({ text: `Line ${i} has the number ${(i * 2654435761) % 2 ** 32}.` })}\n`,
  );
  const packed = gzipSync(lines.join(""));
  const bomb = gzipSync(Buffer.alloc(140_000_000, 120));
  project({
    "a.jsonl": jsonlOf(1),
    "b.jsonl.gz": packed.subarray(0, packed.length / 2),
    "c.jsonl.gz": bomb,
    "d.jsonl": "",
    "e.jsonl.gz": gzipSync(jsonlOf(2)),
    "f.jsonl.gz": gzipSync(""),
    "g.jsonl": jsonlOf(1),
  });
  const records = await readAll({ reader: "jsonl" });
  const cut = texts(records).filter(t => t.startsWith("Line"));
  expect(cut.length).toBeGreaterThan(500);
  expect(cut).toEqual(lines.slice(0, cut.length).map(l => JSON.parse(l).text));
  expect(brief(records).filter(r => !r.startsWith("Line"))).toEqual([
    rowsOf(1)[0]!.text,
    "b.jsonl.gz! damaged",
    "c.jsonl.gz! bomb",
    ...rowsOf(2).map(r => r.text),
    rowsOf(1)[0]!.text,
  ]);
  expect(records.find(r => r.place === "b.jsonl.gz")).toMatchObject({ message: "gzip: unexpected end of file" });
});

test("JSON Lines: NUL bytes, other encodings and empty files are set aside or nothing, line by line", async () => {
  const bytes = Buffer.concat([
    Buffer.from('{"text":"ä"}\n'),
    Buffer.from('{"text":"\xe4"}\n', "latin1"),
    Buffer.from('{"text":"a\\u0000\\u0000\\u0000"}\n\0\0\0\n{"text":"b"}\n'),
  ]);
  expect(brief(await readOne("x.jsonl", bytes, { reader: "jsonl" }))).toEqual([
    "ä",
    "x.jsonl:2! wrong-charset",
    "x.jsonl:3! binary",
    "x.jsonl:4! json",
    "b",
  ]);
  for (const reader of ["jsonl", "csv", "warc"]) expect(await readOne("x", "", { reader })).toEqual([]);
});

describe.each(packings)("$name", ({ ending, pack }) => {
  test.skipIf(!pack)("every reader reads a packed file as it reads the file, by its bytes and not its name", async () => {
    const file = wordFile("<w:p><w:r><w:t>Words.</w:t></w:r></w:p>");
    const files: readonly (readonly [string, string, string | Buffer])[] = [
      ["x.jsonl", "jsonl", jsonlOf(50)],
      ["x.json", "jsonl", '{"text":"whole"}'],
      ["x.csv", "csv", "text,n\na,1\nb,2\n"],
      ["x.txt", "text", "plain text"],
      ["x.md", "markdown", "---\na: 1\n---\ntext"],
      ["x.html", "html", "<p>page</p>"],
      ["x.eml", "email", "Subject: s\n\nbody\n"],
      ["x.mbox", "email", "From a\nSubject: s\n\nbody\n"],
      ["x.warc", "warc", warcRecord(http(pagesOf(1)[0]!))],
      ["x.docx", "docx", file],
      ["x.parquet", "parquet", parquetOf(5)],
    ];
    for (const [name, reader, content] of files) {
      const plain = await readOne(name, content, { reader });
      expect(texts(plain).length, name).toBeGreaterThan(0);
      for (const packedName of [`${name}.${ending}`, name])
        expect(texts(await readOne(packedName, pack!(Buffer.from(content)), { reader })), packedName).toEqual(texts(plain));
    }
  });
});
