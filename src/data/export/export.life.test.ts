import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { decompress } from "fzstd";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sha256 } from "../../base/index.ts";
import type { Document } from "../document.ts";
import { sourceFile } from "../sources/file.ts";
import { sourceOptions } from "../sources/options.ts";
import { readers } from "../sources/readers.ts";
import { memoryArtifact } from "./artifact.laws.ts";
import { type DataExportOptions, exportDocuments } from "./export.ts";
import { exportFile } from "./folder.ts";
import { type ExportFormatName, exportFormatNames } from "./formats.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loam-export-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const document = (n: number, attributes: Document["attributes"] = {}): Document => ({
  id: `mail:${String(n).padStart(4, "0")}`,
  text: `letter ${n}: ${"wörds and more \u{1f4ee} ".repeat(n % 7)}\n`,
  source: `box/${n}.eml`,
  attributes,
});

type Rows = Record<string, unknown>[];

/** Rows of a file as JSON would have them, by the readers that the package and the world have. */
async function rowsOf(path: string): Promise<Rows> {
  const bytes = readFileSync(path);
  if (path.endsWith(".parquet")) {
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    const rows = await parquetReadObjects({ file: file as ArrayBuffer, compressors });
    return rows.map(r => Object.fromEntries(Object.entries(r).map(([k, v]) => [k, typeof v === "bigint" ? Number(v) : (v ?? null)])));
  }
  const text = path.endsWith(".gz") ? gunzipSync(bytes) : path.endsWith(".zst") ? Buffer.from(decompress(bytes)) : bytes;
  return text
    .toString("utf8")
    .split("\n")
    .filter(l => l !== "")
    .map(l => JSON.parse(l) as Record<string, unknown>);
}

async function exported(given: Parameters<typeof memoryArtifact>[0], more: Partial<DataExportOptions> = {}, to = "out") {
  const result = await exportDocuments(memoryArtifact(given), { to: join(folder, to), format: "jsonl", protect: [], ...more });
  const rows = async (split: string) => {
    const all: Rows = [];
    for (const f of result.files.filter(f => f.split === split)) all.push(...(await rowsOf(join(folder, to, f.path))));
    return all;
  };
  return { result, rows };
}

const attribute = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.string({ unit: "grapheme" }), { maxLength: 3 }),
);
const names = ["a", "label", "text", "id", "source", "x y", "ö.b", ""];

test("every format gives back every document: id, text, source, and each attribute by one rule", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ text: fc.string({ unit: "binary" }), attributes: fc.dictionary(fc.constantFrom(...names), attribute) }), {
        minLength: 1,
        maxLength: 12,
      }),
      async some => {
        const train = some.map((d, i): Document => ({ ...document(i), ...d }));
        const seen: Rows[] = [];
        for (const format of exportFormatNames) {
          const { rows, result } = await exported(
            { train },
            { format, shardBytes: 200, compression: train.length % 2 ? "zstd" : "snappy" },
            format,
          );
          seen.push(await rows("train"));
          expect(result.tables[0]!.splits).toMatchObject([{ name: "train", documents: train.length }]);
        }
        for (const other of seen.slice(1)) expect(other).toEqual(seen[0]);
        const wellFormed = (t: string) => Buffer.from(t).toString("utf8");
        expect(seen[0]!.map(r => [r.id, r.text, r.source])).toEqual(train.map(d => [d.id, wellFormed(d.text), d.source]));
        const column = (name: string) => (name === "" || ["text", "id", "source"].includes(name) ? `attribute_${name}` : name);
        for (const name of new Set(train.flatMap(d => Object.keys(d.attributes)))) {
          const given = train.map(d => (Object.hasOwn(d.attributes, name) ? d.attributes[name]! : null));
          const kinds = new Set(given.filter(v => v !== null).map(v => (Array.isArray(v) ? "list" : typeof v)));
          const wanted = given.map(v => {
            if (v === null) return null;
            if (kinds.size > 1 && typeof v !== "string") return wellFormed(JSON.stringify(v));
            return typeof v === "string" ? wellFormed(v) : Array.isArray(v) ? v.map(wellFormed) : v;
          });
          expect(seen[0]!.map(r => r[column(name)])).toEqual(wanted.map(v => (Object.is(v, -0) ? expect.toBeOneOf([0, -0]) : v)));
        }
        for (const format of exportFormatNames) rmSync(join(folder, format), { recursive: true });
      },
    ),
    { numRuns: 15 },
  );
});

test("the package's own Parquet reader reads what the export wrote, ids and attributes too", async () => {
  const train = Array.from({ length: 300 }, (_, i) =>
    document(i, { label: i % 3 ? "ham" : "spam", words: i, ratio: i / 7, kept: i % 2 === 0 }),
  );
  const { result } = await exported({ train }, { format: "parquet" });
  const path = join(folder, "out", result.files[0]!.path);
  const file = sourceFile(join(folder, "out"), {
    path: "train.parquet",
    sizeBytes: statSync(path).size,
    sha256: sha256(readFileSync(path)),
  });
  const read = [];
  for await (const r of readers.parquet.records(file, sourceOptions.parse({ folder: "out", reader: "parquet" }))) read.push(r);
  expect(read.map(r => r.ok && [r.key, r.text, r.attributes])).toEqual(
    train.map(d => [`train.parquet#${d.id}`, d.text, { ...d.attributes, source: d.source }]),
  );
});

test("row groups are bounded by rows and by text, and files by their bytes; nothing is lost between them", async () => {
  const big = Array.from({ length: 2 }, (_, i) => ({ ...document(i), text: String(i).repeat(9_000_000) }));
  const small = Array.from({ length: 12_001 }, (_, i) => document(i + 10));
  const { result } = await exported(
    { train: [...big, ...small] },
    { format: "huggingface", compression: "snappy", shardBytes: 12_000_000 },
  );
  expect(result.files.map(f => f.path)).toEqual(["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]);
  let rows = 0;
  for (const f of result.files) {
    const bytes = readFileSync(join(folder, "out", f.path));
    expect(sha256(bytes)).toBe(f.sha256);
    const { row_groups } = parquetMetadata(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer);
    for (const g of row_groups) {
      expect(Number(g.num_rows)).toBeLessThanOrEqual(10_000);
      expect(Number(g.total_byte_size)).toBeLessThan(2 * 2 ** 24);
      rows += Number(g.num_rows);
    }
  }
  expect(rows).toBe(12_003);
  expect(result.files.reduce((n, f) => n + f.documents, 0)).toBe(12_003);
});

test("the same artifact and options give the same bytes, whatever was there before", async () => {
  const given = { train: [document(1, { a: 1 }), document(2)], heldOut: [document(3, { b: "x" })] };
  const listing = () => readdirSync(join(folder, "out"), { recursive: true, encoding: "utf8" }).sort();
  const bytes = () => listing().map(f => [f, statSync(join(folder, "out", f)).isFile() && sha256(readFileSync(join(folder, "out", f)))]);
  for (const format of exportFormatNames) {
    await exported(given, { format });
    const first = bytes();
    await exported({ train: Array.from({ length: 9 }, (_, i) => document(i)) }, { format, shardBytes: 100 });
    await exported(given, { format });
    expect(bytes()).toEqual(first);
  }
  expect(readdirSync(folder)).toEqual(["out"]);
});

test("sides, attributes and the held-out side's name are chosen; a wrong attribute names the right one", async () => {
  const given = { train: [document(1, { label: "ham", words: 3 })], heldOut: [document(2, { label: "spam", words: 4 })] };
  const held = await exported(given, { sides: ["held-out"], heldOutAs: "validation", attributes: { only: ["label"] } });
  expect(held.result.files.map(f => f.path)).toEqual(["validation.jsonl"]);
  expect(Object.keys((await held.rows("validation"))[0]!)).toEqual(["id", "text", "source", "label"]);
  const without = await exported(given, { attributes: { without: ["label"] } });
  expect(Object.keys((await without.rows("train"))[0]!)).toEqual(["id", "text", "source", "words"]);
  await expect(exported(given, { attributes: { only: ["lable"] } })).rejects.toThrow('got "lable". Did you mean "label"?');
  const bare = await exported(given, { attributes: { only: [] } });
  expect(Object.keys((await bare.rows("train"))[0]!)).toEqual(["id", "text", "source"]);
});

test("dropped documents come with their reason in a table of their own, private data masked as the steps would, in attributes too", async () => {
  const text = "Please write to anna.muster@posteo.de soon, all of you who can.";
  const why = (step: string) => ({ step, rule: "near-duplicate", value: 0.8, threshold: 0.7, survivor: "mail:0001" });
  const dropped = [
    { ...document(5, { label: "ham", from: "anna.muster@posteo.de" }), text, dropped: why("deduplicate") },
    { ...document(6), text, dropped: { step: "private", rule: "email", value: 1, threshold: 0 } },
  ];
  const steps = [{ position: 0, step: "private", options: { policy: {}, minScore: 0.5 } }];
  const { privateData } = await import("../steps/private/private.ts");
  const given = {
    train: [document(1, { label: "ham", words: 9, to: ["otto.muster@posteo.de", "all"], cluster: "mail:0001" })],
    dropped,
    steps: [{ ...steps[0], options: privateData.options.parse({}) }],
  };
  const { result, rows } = await exported(given, { format: "huggingface", dropped: true });
  expect(result.files.map(f => f.path)).toEqual(["data/train-00000-of-00001.parquet", "dropped/dropped-00000-of-00001.parquet"]);
  const found = await rows("dropped");
  expect(JSON.stringify(found)).not.toContain("anna.muster");
  expect(found[0]).toMatchObject({
    id: "mail:0005",
    dropped_step: "deduplicate",
    dropped_rule: "near-duplicate",
    dropped_value: "0.8",
    dropped_survivor: "mail:0001",
    label: "ham",
  });
  expect(found[0]!.text).toBe("Please write to [EMAIL] soon, all of you who can.");
  expect(found[0]!.from).toBe("[EMAIL]");
  expect((await rows("train"))[0]).toMatchObject({ to: ["[EMAIL]", "all"], cluster: "mail:0001" });
  expect(found[1]!.text).toBe("(not shown: it holds private data)");
  const few = await exported(given, { dropped: true, attributes: { only: ["words"] } }, "few");
  expect(Object.keys((await few.rows("dropped"))[0]!)).toEqual([
    "id",
    "text",
    "source",
    "dropped_rule",
    "dropped_step",
    "dropped_survivor",
    "dropped_threshold",
    "dropped_value",
  ]);
});

test("what is not an earlier export is never written over, unless one insists", async () => {
  const given = { train: [document(1)] };
  const target = join(folder, "out");
  mkdirSync(target);
  await exported(given);
  writeFileSync(join(target, "notes.txt"), "mine");
  await expect(exported(given)).rejects.toThrow("got 1 other file: notes.txt. Name another folder, or remove what is in it with --force");
  expect(readFileSync(join(target, "notes.txt"), "utf8")).toBe("mine");
  await exported(given, { force: true });
  expect(readdirSync(target).sort()).toEqual([exportFile, "train.jsonl"]);

  writeFileSync(join(folder, "file"), "x");
  await expect(exported(given, { force: true }, "file")).rejects.toThrow("expected a folder, or nothing, got a file");
  symlinkSync(target, join(folder, "link"));
  await expect(exported(given, { force: true }, "link")).rejects.toThrow("got a link");
  mkdirSync(join(folder, "deep/project"), { recursive: true });
  await expect(exported(given, { force: true, protect: [join(folder, "deep/project")] }, "deep")).rejects.toThrow(
    "expected a folder of its own",
  );
  await expect(exportDocuments(memoryArtifact(given), { to: "/", format: "jsonl", protect: [], force: true })).rejects.toThrow(
    "got the root",
  );
  expect(readdirSync(folder).sort()).toEqual(["deep", "file", "link", "out"]);
});

test("an export that fails or is stopped leaves what was there, and nothing beside it", async () => {
  await exported({ train: [document(1)] });
  const before = readFileSync(join(folder, "out", exportFile), "utf8");
  const controller = new AbortController();
  const many = { train: Array.from({ length: 2000 }, (_, i) => document(i)) };
  const stop = () => controller.abort(new Error("stopped by hand"));
  for (const format of ["jsonl.gz", "parquet"] as ExportFormatName[])
    await expect(exported(many, { format, signal: controller.signal, progress: stop })).rejects.toThrow("stopped by hand");
  await expect(exported(many, { extras: async () => Promise.reject(new Error("no card")) })).rejects.toThrow("no card");
  await expect(exported({ heldOut: [document(1)] }, { sides: ["train"] })).rejects.toThrow(
    "expected documents on the side train, got none",
  );
  expect(readFileSync(join(folder, "out", exportFile), "utf8")).toBe(before);
  expect(readdirSync(folder)).toEqual(["out"]);
});

test("what a killed export left is taken away by the next; what a living one is writing is not", async () => {
  const { hostname } = await import("node:os");
  const host = hostname().replaceAll(/[^\w-]/g, "_");
  // No process has so high a number: Linux ends at 2^22.
  const dead = join(folder, `.out.${host}.99999999.0.part`);
  const alive = join(folder, `.out.${host}.${process.ppid}.0.part`);
  for (const f of [dead, alive]) mkdirSync(f);
  await exported({ train: [document(1)] });
  expect([existsSync(dead), existsSync(alive)]).toEqual([false, true]);
});
