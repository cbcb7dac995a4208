import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { packTar } from "modern-tar";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deepTest } from "../../../../test/support/deep.ts";
import { dataErrors } from "../../errors.ts";
import { maxRecordBytes } from "../file.ts";
import { openSource, sourceRecords } from "../open.ts";
import { sourceOptions } from "../options.ts";
import { fileOf } from "../read-bytes.laws.ts";
import type { ReadRecord } from "../source.ts";
import { archiveRecords } from "./archive.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loam-archive-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const text = (s: string) => new TextEncoder().encode(s);

async function read(given: Record<string, unknown> = {}): Promise<ReadRecord[]> {
  const options = sourceOptions.parse({ folder: ".", reader: "jsonl", ...given });
  const source = await openSource(options, folder);
  const records: ReadRecord[] = [];
  for (const entry of await source.list({})) for await (const r of sourceRecords(source, options, entry)) records.push(r);
  await source.close();
  return records;
}
const texts = (records: readonly ReadRecord[]) => records.flatMap(r => (r.ok ? [r.text] : []));
const bad = (records: readonly ReadRecord[]) => records.flatMap(r => (r.ok ? [] : [`${r.place}: ${r.reason}`]));

/** Two files that count, and others that do not. */
const files: Readonly<Record<string, Uint8Array>> = {
  "a/one.jsonl": text('{"text":"one"}\n{"text":"two"}\n'),
  "b/three.json": text('[{"text":"three"},{"text":"four"}]'),
  "c/five.jsonl.gz": gzipSync('{"text":"five"}\n'),
  "picture.png": text("no records"),
  "__MACOSX/a/._one.jsonl": text("resource fork"),
  ".hidden/x.jsonl": text('{"text":"hidden"}\n'),
};
const wanted = ["one", "two", "three", "four", "five"];

const tarOf = async (members: Readonly<Record<string, Uint8Array>>) =>
  Buffer.from(await packTar(Object.entries(members).map(([name, body]) => ({ header: { name, size: body.length, type: "file" }, body }))));
const kinds: Readonly<Record<string, (members: Readonly<Record<string, Uint8Array>>) => Promise<Buffer>>> = {
  "x.zip": async members => Buffer.from(zipSync({ ...members }, { level: 1 })),
  "x.tar": tarOf,
  "x.tar.gz": async members => gzipSync(await tarOf(members), { level: 1 }),
  "x.tgz": async members => gzipSync(await tarOf(members), { level: 1 }),
};

describe.each(Object.keys(kinds))("%s", name => {
  const write = async (members: Readonly<Record<string, Uint8Array>>, at = name) => {
    mkdirSync(dirname(join(folder, at)), { recursive: true });
    writeFileSync(join(folder, at), await kinds[name]!(members));
  };

  test("members that the reader takes are files of the source, with their path behind the archive's", async () => {
    await write(files);
    const records = await read();
    expect(texts(records)).toEqual(wanted);
    expect(bad(records)).toEqual([]);
    expect(records[0]).toMatchObject({ place: `${name}/a/one.jsonl:1`, attributes: { group: `${name}/a` } });
  });

  test("a member that cannot be read costs itself", async () => {
    await write({ "a.json": text('[{"text":"one"},'), "b.json": text("{"), "c.json": text('{"text":"two"}') });
    const records = await read();
    expect(texts(records)).toEqual(["one", "two"]);
    expect(bad(records)).toEqual([`${name}/a.json: json`, `${name}/b.json: json`]);
  });

  // 64 MB a kind: those of tar differ in their names and their compression alone, and are streams
  (name === "x.zip" ? test : deepTest)("a member of more than the limit is read once, line by line", async () => {
    const line = `${JSON.stringify({ text: randomBytes(2 ** 20).toString("base64") })}\n`;
    const count = Math.ceil(maxRecordBytes / line.length) + 2;
    await write({ "long.jsonl": text(line.repeat(count)), "next.jsonl": text('{"text":"next"}\n') });
    const records = await read();
    expect(texts(records)).toHaveLength(count + 1);
    expect(texts(records).at(-1)).toBe("next");
  });

  test("an archive that is cut gives what came before, or says that it is damaged", async () => {
    const long = `${JSON.stringify({ text: randomBytes(50_000).toString("base64") })}\n`;
    const whole = await kinds[name]!({ "a.jsonl": text('{"text":"one"}\n'), "b.jsonl": text(long) });
    for (const part of [0.2, 0.5, 0.9]) {
      writeFileSync(join(folder, name), whole.subarray(0, Math.floor(whole.length * part)));
      const records = await read();
      expect(texts(records).every(t => t === "one")).toBe(true);
      expect(bad(records).join()).toMatch(/damaged/);
    }
  });

  test("without a file of the reader's it has no record", async () => {
    await write({ "a.png": text("no") });
    expect(await read()).toEqual([]);
  });
});

describe("zip", () => {
  test("an archive that Python has written, with names in UTF-8 and members stored and deflated", async ({ skip }) => {
    const script =
      "import zipfile,sys\nz=zipfile.ZipFile(sys.argv[1],'w')\nz.writestr('größe/é.jsonl','{\"text\":\"one\"}\\n',zipfile.ZIP_DEFLATED)\nz.writestr('b.jsonl','{\"text\":\"two\"}\\n',zipfile.ZIP_STORED)\nz.close()\n";
    try {
      execFileSync("python3", ["-c", script, join(folder, "p.zip")], { stdio: "ignore" });
    } catch {
      skip("no python3 here");
    }
    const records = await read();
    expect(records.map(r => r.place)).toEqual(["p.zip/größe/é.jsonl:1", "p.zip/b.jsonl:1"]);
  });

  test("members that share their bytes are a bomb", async () => {
    const zip = Buffer.from(zipSync({ "a.jsonl": text('{"text":"one"}\n'.repeat(99)), "b.jsonl": text('{"text":"two"}\n'.repeat(99)) }));
    // the second entry of the directory points at the first one's bytes
    const second = zip.lastIndexOf(Buffer.from("PK\x01\x02", "latin1"));
    zip.writeUInt32LE(4, second + 42);
    writeFileSync(join(folder, "x.zip"), zip);
    expect(bad(await read())).toEqual(["x.zip: bomb"]);
  });

  test("what grows beyond measure is a bomb, whatever the directory says", async () => {
    writeFileSync(
      join(folder, "x.zip"),
      zipSync({ "a.jsonl": new Uint8Array(100 * 2 ** 20).fill(0x20), "b.jsonl": text('{"text":"b"}\n') }),
    );
    const records = await read();
    expect(bad(records)).toEqual(["x.zip/a.jsonl: bomb"]);
  });

  test("a member with a password is set aside by name", async () => {
    const zip = Buffer.from(zipSync({ "a.jsonl": text('{"text":"one"}\n') }));
    const directory = zip.lastIndexOf(Buffer.from("PK\x01\x02", "latin1"));
    zip.writeUInt16LE(1, directory + 8);
    writeFileSync(join(folder, "x.zip"), zip);
    expect(bad(await read())).toEqual(["x.zip/a.jsonl: encrypted"]);
  });
});

test("an archive whose own bytes cannot be read stops the run by name: that is no damage of the archive", async () => {
  const gone = dataErrors.fail("sourceChanged", { place: "x.zip", expected: "the file", received: "none" });
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.alloc(0);
    throw gone;
  };
  const random = async () => ({ sizeBytes: 4000, read: () => Promise.reject(gone), close: async () => {} });
  for (const kind of ["zip", "tar"] as const) {
    const file = { ...fileOf(`x.${kind}`, Buffer.alloc(0)), random, pieces: broken };
    const records = archiveRecords(file, kind, { extensions: [".jsonl"], records: async function* () {} });
    await expect(records.next(), kind).rejects.toBe(gone);
  }
});

test("patterns name archives too; their members are taken by their endings", async () => {
  writeFileSync(join(folder, "x.zip"), zipSync({ "a.jsonl": text('{"text":"one"}\n'), "a.csv": text("text\ntwo\n") }));
  writeFileSync(join(folder, "y.jsonl"), '{"text":"three"}\n');
  expect(texts(await read({ files: "*.zip" }))).toEqual(["one"]);
  expect(texts(await read({ files: "*.zip", reader: "csv" }))).toEqual(["two"]);
});
