import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { manifestOf } from "./manifest.ts";
import { sourceOptions, sourcesOptions, sourcesProblem } from "./options.ts";
import { allSources, manifestOfAll, openSources, tooManyBad } from "./several.ts";
import type { ReadRecord } from "./source.ts";

let folder = "";
const project = (files: Record<string, string>) => {
  folder = mkdtempSync(join(tmpdir(), "loam-several-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
};
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const part = (sources: object) => ({ sources: sourcesOptions.parse(sources) });
async function read(from: { sources: ReturnType<typeof sourcesOptions.parse> }): Promise<ReadRecord[]> {
  const sources = allSources(from);
  const manifest = await manifestOfAll(sources, { folder });
  // As the stage does it: entries go through a file of JSON lines.
  const entries = manifest.files.map(f => JSON.parse(JSON.stringify(f)) as typeof f);
  const open = await openSources(sources, folder);
  const out: ReadRecord[] = [];
  for (const entry of entries) for await (const r of open.records(entry)) out.push(r);
  await open.close();
  return out;
}

test("each source has its reader; equal paths stay two documents, and each says where it is from", async () => {
  project({
    "wiki/a.md": "---\nx: 1\n---\nwiki text",
    "mails/a.txt": "Subject: s\n\nmail text\n",
    "rows/a.jsonl": '{"text": "row"}\nbad\n',
  });
  const records = await read(
    part({
      wiki: { folder: "wiki", reader: "markdown" },
      mails: { folder: "mails", reader: "email" },
      rows: { folder: "rows", reader: "jsonl" },
    }),
  );
  expect(records.map(r => (r.ok ? `${r.key} ${r.attributes.origin}` : `${r.place}! ${r.reason}`))).toEqual([
    "mails/a mails",
    expect.stringMatching(/^rows\/a\.jsonl#[0-9a-f]{12} rows$/),
    "rows/a.jsonl:2! json",
    "wiki/a wiki",
  ]);
  expect(records[0]).toMatchObject({ place: "mails/a.txt", text: expect.stringContaining("mail text") });
  expect(records[3]).toMatchObject({ attributes: { x: 1, origin: "wiki" } });
});

test("one source is as it always was; the identity of several follows each of them and their names, not their order", async () => {
  project({ "a/x.txt": "one", "b/x.txt": "two" });
  const [a, b] = ["a", "b"].map(f => ({ folder: f, reader: "text" }));
  const alone = allSources({ source: sourceOptions.parse(a) });
  expect(await manifestOfAll(alone, { folder })).toEqual(await manifestOf(alone[0]!.options, { folder }));
  const identity = async (sources: object) => (await manifestOfAll(allSources(part(sources)), { folder })).identity;
  const both = await identity({ p: a, q: b });
  expect(await identity({ q: b, p: a })).toBe(both);
  expect(await identity({ p: b, q: a })).not.toBe(both);
  expect(await identity({ p: a })).not.toBe((await manifestOf(alone[0]!.options, { folder })).identity);
  writeFileSync(join(folder, "b/x.txt"), "TWO");
  expect(await identity({ p: a, q: b })).not.toBe(both);
});

test("what is remembered of one source's files stays when the next is looked at", async () => {
  project({ "a/x.txt": "one", "b/x.txt": "two" });
  const memory = join(folder, "memory.tsv");
  const sources = allSources(part({ p: { folder: "a", reader: "text" }, q: { folder: "b", reader: "text" } }));
  const first = await manifestOfAll(sources, { folder, memory });
  const { readFileSync } = await import("node:fs");
  const remembered = readFileSync(memory, "utf8").trim().split("\n");
  expect(remembered).toHaveLength(2);
  expect(await manifestOfAll(sources, { folder, memory })).toEqual(first);
});

test("a part has exactly one of source and sources, and names that can stand in ids", () => {
  const source = sourceOptions.parse({ folder: "a", reader: "text" });
  expect(sourcesProblem({ source })).toBeUndefined();
  expect(sourcesProblem({ sources: { a: source } })).toBeUndefined();
  expect(sourcesProblem({})).toBe("exactly one of source and sources");
  expect(sourcesProblem({ source, sources: { a: source } })).toBe("exactly one of source and sources");
  for (const name of ["a/b", "", "a b", "../x", "ä"]) expect(() => sourcesOptions.parse({ [name]: source }), name).toThrow();
  expect(() => sourcesOptions.parse({})).toThrow("at least one source");
});

test("too many bad records are an error with the source's name: a count at once, a share from 200 records or at the end", () => {
  const first = [{ place: "x:1", reason: "json", message: "no" }];
  const of = (maxBad: number, read: number, setAside: number, isEnd = false) =>
    tooManyBad({ place: "web/mails", maxBad, read, setAside, first }, isEnd)?.code;
  expect(of(2, 10, 2)).toBeUndefined();
  expect(of(2, 10, 3)).toBe("data/tooManyBad");
  expect(of(0, 10, 1)).toBe("data/tooManyBad");
  expect(of(0.1, 199, 199)).toBeUndefined();
  expect(of(0.1, 199, 20, true)).toBe("data/tooManyBad");
  expect(of(0.1, 200, 21)).toBe("data/tooManyBad");
  expect(of(0.1, 200, 20)).toBeUndefined();
  expect(tooManyBad({ place: "web/mails", maxBad: 0, read: 4, setAside: 1, first }, true)?.message).toContain(
    "web/mails: expected at most 0 records that cannot be read, got 1 of 4: x:1 (json: no)",
  );
});
