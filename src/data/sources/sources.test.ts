import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { handClock } from "../../base/index.ts";
import { sourceFile } from "./file.ts";
import { manifestOf } from "./manifest.ts";
import { sourceOptions } from "./options.ts";
import { readers } from "./readers.ts";
import type { ReadRecord } from "./source.ts";

let folder = "";
const project = (files: Record<string, string | Buffer>) => {
  folder = mkdtempSync(join(tmpdir(), "loam-sources-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
};
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function readAll(options: unknown): Promise<ReadRecord[]> {
  const source = sourceOptions.parse(options);
  const manifest = await manifestOf(source, { folder });
  const out: ReadRecord[] = [];
  for (const entry of manifest.files)
    for await (const r of readers[source.reader].records(sourceFile(manifest.root, entry), source)) out.push(r);
  return out;
}
const brief = (records: ReadRecord[]) => records.map(r => (r.ok ? `${r.key}: ${r.text}` : `${r.place}! ${r.reason}`));

test("mails come from files, mailboxes and JSON fields alike, with group and label from their folders", async () => {
  const raw = "Subject: Hi\n\nbody\n";
  project({
    "mails/spam/1.eml": raw,
    "mails/easy-ham/2.txt": raw,
    "mails/box/in.mbox": `From a\n${raw}\nFrom b\n${raw}`,
    "mails/j/x.jsonl": `${JSON.stringify({ id: 7, raw })}\n{"raw": 1}\n`,
  });
  const records = await readAll({ folder: "mails", files: ["**/*"], reader: "email", field: "raw" });
  expect(brief(records)).toEqual([
    expect.stringMatching(/^box\/in\.mbox#[0-9a-f]{12}: Hi\n\nbody/),
    expect.stringMatching(/^box\/in\.mbox#[0-9a-f]{12}: Hi\n\nbody/),
    expect.stringMatching(/^easy-ham\/2: Hi\n\nbody/),
    expect.stringMatching(/^j\/x\.jsonl#7: Hi\n\nbody/),
    "j/x.jsonl:2! json",
    expect.stringMatching(/^spam\/1: Hi\n\nbody/),
  ]);
  expect(records.map(r => r.ok && `${r.attributes.group}/${r.attributes.label}`)).toEqual([
    "box/undefined",
    "box/undefined",
    "easy-ham/ham",
    "j/undefined",
    false,
    "spam/spam",
  ]);
});

test("a record that is no text is set aside by its reason and the others are read", async () => {
  project({
    "t/a.txt": "fine",
    "t/binary.txt": deflateSync("x".repeat(1000)),
    "t/empty.txt": " \n",
    "t/latin.txt": Buffer.from("caf\xe9 au lait", "latin1"),
    "t/nul.txt": "a\0\0\0b",
    "t/utf16.txt": Buffer.from("\ufeffzwei", "utf16le"),
  });
  expect(brief(await readAll({ folder: "t", reader: "text" }))).toEqual([
    "a: fine",
    expect.stringMatching(/^binary\.txt! (binary|wrong-charset)$/),
    "empty.txt! empty",
    "latin.txt! wrong-charset",
    "nul.txt! binary",
    "utf16: zwei",
  ]);
  expect(brief(await readAll({ folder: "t", files: "latin.txt", reader: "text", encoding: "windows-1252" }))).toEqual([
    "latin: café au lait",
  ]);
});

test("mails without text, of control characters, or of no bytes are set aside", async () => {
  project({ "m/a.eml": "", "m/b.eml": "From: x@y\n\n\n", "m/c.eml": `Subject: s\n\n${"\x01\x02".repeat(50)}` });
  expect(brief(await readAll({ folder: "m", reader: "email" }))).toEqual(["a.eml! empty", "b.eml! empty", "c.eml! binary"]);
});

test("JSON Lines: fields become attributes, bad lines are placed, the content names what has no id", async () => {
  project({ "d/x.jsonl": `{"text": "one", "lang": "en", "n": 3, "deep": {"a": 1}}\n[]\n{"text": "two", "id": "b"}\n{"t": 1}\n` });
  const records = await readAll({ folder: "d", reader: "jsonl" });
  expect(brief(records)).toEqual([
    expect.stringMatching(/^x\.jsonl#[0-9a-f]{12}: one$/),
    "x.jsonl:2! json",
    "x.jsonl#b: two",
    "x.jsonl:4! json",
  ]);
  expect(records[0]).toMatchObject({ attributes: { lang: "en", n: 3 } });
});

test("a source's identity follows content and paths, not the memory, the clock or the order of looking", async () => {
  project({ "t/a.txt": "one", "t/b/c.txt": "two" });
  const source = sourceOptions.parse({ folder: "t", reader: "text" });
  const memory = join(folder, "memory.tsv");
  const identity = async () => (await manifestOf(source, { folder, memory })).identity;
  const first = await identity();
  expect(await identity()).toBe(first);
  rmSync(memory);
  expect(await identity()).toBe(first);
  utimesSync(join(folder, "t/a.txt"), 1, 1);
  expect(await identity()).toBe(first);
  writeFileSync(join(folder, "t/a.txt"), "One");
  expect(await identity()).not.toBe(first);
  writeFileSync(join(folder, "t/a.txt"), "one");
  expect(await identity()).toBe(first);
});

test("a change of equal length within the clock's grain is seen; a remembered file is not read again", async () => {
  project({ "t/a.txt": "one" });
  const path = join(folder, "t/a.txt");
  const source = sourceOptions.parse({ folder: "t", reader: "text" });
  const memory = join(folder, "memory.tsv");
  const clock = handClock(1_000_000_000_000);
  const look = async () => (await manifestOf(source, { folder, memory, clock })).identity;
  const at = (clock.now() - 500) / 1000;
  utimesSync(path, at, at);
  const first = await look();
  writeFileSync(path, "two");
  utimesSync(path, at, at);
  const second = await look();
  expect(second).not.toBe(first);
  // Old enough to be trusted: the same stamp and size now stand for the content, which is what makes a second start cheap.
  clock.advance(10_000);
  await look();
  writeFileSync(path, "six");
  utimesSync(path, at, at);
  expect(await look()).toBe(second);
});

test("sources that are not there say what was looked for", async () => {
  project({ "t/a.png": "x" });
  await expect(readAll({ npm: "no-such-package-here", reader: "email" })).rejects.toThrow("npm install no-such-package-here");
  await expect(readAll({ folder: "nowhere", reader: "text" })).rejects.toThrow('expected a folder, got "nowhere"');
  await expect(readAll({ folder: "t", reader: "text" })).rejects.toThrow(
    "expected files ending in .txt, .md, .text, or archives of such files, got 1 other files",
  );
  expect(() => sourceOptions.parse({ reader: "text" })).toThrow("one of npm, folder, files, s3, sql or huggingface");
  expect(() => sourceOptions.parse({ npm: "a", folder: "b", reader: "text" })).toThrow("not both");
});

test("an npm package is found from a folder below it and read from its data folder, never run", async () => {
  project({
    "node_modules/@x/mails/package.json": '{"version": "1.2.3"}',
    "node_modules/@x/mails/index.js": "throw new Error('run')",
    "node_modules/@x/mails/docs/repl.txt": "not a mail",
    "node_modules/@x/mails/data/spam/1.txt": "Subject: a\n\nb",
    "deep/er/x": "",
  });
  const manifest = await manifestOf(sourceOptions.parse({ npm: "@x/mails", reader: "email" }), { folder: join(folder, "deep/er") });
  expect(manifest.origin).toBe("@x/mails@1.2.3");
  expect(manifest.files.map(f => f.path)).toEqual(["spam/1.txt"]);
});

test("a file that changes or vanishes while it is read stops the run by name", async () => {
  project({ "t/a.txt": "one", "t/b.jsonl": '{"text": "x"}\n' });
  const files = (await manifestOf(sourceOptions.parse({ folder: "t", files: "*", reader: "text" }), { folder })).files;
  const [a, b] = files.map(f => sourceFile(join(folder, "t"), f));
  writeFileSync(join(folder, "t/a.txt"), "two");
  await expect(a!.bytes()).rejects.toMatchObject({ code: "data/sourceChanged" });
  rmSync(join(folder, "t/a.txt"));
  await expect(a!.bytes()).rejects.toThrow("a.txt: expected the file as it was when the run began, got no file");
  writeFileSync(join(folder, "t/b.jsonl"), '{"text": "y"}\n');
  const drain = async () => {
    for await (const _ of b!.lines());
  };
  await expect(drain()).rejects.toMatchObject({ code: "data/sourceChanged" });
});
