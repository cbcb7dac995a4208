import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import Database from "libsql";
import { afterEach, beforeEach, expect, test } from "vitest";
import { manifestOf } from "../manifest.ts";
import { openSource, sourceRecords } from "../open.ts";
import { sourceOptions } from "../options.ts";
import type { ReadRecord } from "../source.ts";
import { readingStatement } from "./statement.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loam-sql-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function database(statements: readonly string[]): void {
  const db = new Database(join(folder, "notes.db"));
  for (const s of statements) db.exec(s);
  db.close();
}
const source = (query: string, more: object = {}) => sourceOptions.parse({ sql: { sqlite: "notes.db" }, query, ...more });
async function read(query: string, more: object = {}): Promise<ReadRecord[]> {
  const options = source(query, more);
  const { files } = await manifestOf(options, { folder });
  const open = await openSource(options, folder);
  const out: ReadRecord[] = [];
  for (const entry of files) for await (const r of sourceRecords(open, options, entry)) out.push(r);
  await open.close();
  return out;
}
const identity = async (query: string, more: object = {}) => (await manifestOf(source(query, more), { folder })).identity;
const brief = (records: readonly ReadRecord[]) => records.map(r => (r.ok ? `${r.key}: ${r.text}` : `${r.place}! ${r.reason}`));

const notes = [
  "create table notes (id integer primary key, title text, text text, score real, lang text, raw blob)",
  "insert into notes values (1, 'One', 'first note', 0.5, 'en', x'0102'), (2, 'Two', 'second note', 1, 'de', null), (9007199254740993, 'Big', 'third note', null, null, null)",
];

test("rows are records: single values are attributes, the id names them, whole numbers stay whole", async () => {
  database(notes);
  const records = await read("select * from notes order by id");
  expect(brief(records)).toEqual(["rows#1: first note", "rows#2: second note", "rows#9007199254740993: third note"]);
  expect(records[0]).toMatchObject({ place: "rows:1", attributes: { title: "One", score: 0.5, lang: "en" } });
  expect(records[1]).toMatchObject({ attributes: { score: 1, lang: "de", raw: null } });
});

test("a key names rows, fields make a text together, and what has neither is named by its text", async () => {
  database(notes);
  const query = "select title, text from notes where id < 3 order by id;  -- two of them";
  expect(brief(await read(query, { key: "title", field: "{text} of {text}" }))).toEqual([
    "rows#One: first note of first note",
    "rows#Two: second note of second note",
  ]);
  expect(brief(await read(query))[0]).toMatch(/^rows#[0-9a-f]{12}: first note$/);
  await expect(read(query, { key: "id" })).rejects.toThrow('expected a column "id", which is the key, got title, text');
  await expect(read("select 1 as a, 2 as a")).rejects.toThrow("expected columns of different names");
});

test("a text that is not UTF-8 costs its row, a text among bytes is a text, an empty one is set aside", async () => {
  database([
    "create table t (id integer, text)",
    "insert into t values (1, 'fine'), (2, cast(x'ff41' as text)), (3, x'c3a4'), (4, x'ff00'), (5, ''), (6, null), (7, 'ä')",
  ]);
  expect(brief(await read("select * from t order by id"))).toEqual([
    "rows#1: fine",
    "rows:2! wrong-charset",
    "rows#3: ä",
    "rows:4! json",
    "rows:5! empty",
    "rows:6! json",
    "rows#7: ä",
  ]);
});

test("the identity follows the rows and not their order, nor what the query does not see", async () => {
  database(notes);
  const query = "select id, text from notes";
  const first = await identity(query);
  expect(await identity(`${query} order by id desc`)).toBe(first);
  const db = new Database(join(folder, "notes.db"));
  db.exec("update notes set lang = 'fr'");
  expect(await identity(query)).toBe(first);
  db.exec("update notes set text = 'other' where id = 2");
  const second = await identity(query);
  expect(second).not.toBe(first);
  db.exec("insert into notes (id, text) values (5, 'other')");
  expect(await identity(query)).not.toBe(second);
  // A version stands for the rows, whatever they are.
  const named = await identity(query, { version: "2026-01" });
  db.exec("delete from notes");
  expect(await identity(query, { version: "2026-01" })).toBe(named);
  expect(await identity(query, { version: "2026-02" })).not.toBe(named);
  db.close();
});

test("reading that is given up leaves no lock behind", async () => {
  database(notes);
  const options = source("select n.text, n.id * 1000 + m.id as id from notes n, notes m, notes o");
  const { files } = await manifestOf(options, { folder });
  const open = await openSource(options, folder);
  for await (const _ of sourceRecords(open, options, files[0]!)) break;
  const db = new Database(join(folder, "notes.db"));
  db.exec("delete from notes");
  db.close();
});

test("rows that change between listing and reading stop the run by name", async () => {
  database(notes);
  const options = source("select id, text from notes");
  const { files } = await manifestOf(options, { folder });
  const db = new Database(join(folder, "notes.db"));
  db.exec("update notes set text = 'x' where id = 1");
  db.close();
  const open = await openSource(options, folder);
  const drain = async () => {
    for await (const _ of sourceRecords(open, options, files[0]!));
  };
  await expect(drain()).rejects.toMatchObject({ code: "data/sourceChanged" });
});

test("only one statement that reads is run; what a database refuses says why; nothing is ever written", async () => {
  database(notes);
  const refused = [
    "delete from notes",
    "",
    "  -- select",
    "select 1; delete from notes",
    "select 1) ; delete from notes; --",
    "pragma query_only = off",
    "explain select 1",
    "select (1",
  ];
  for (const query of refused.filter(q => q !== "")) await expect(read(query), query).rejects.toMatchObject({ code: "data/query" });
  await expect(read("select * from nowhere")).rejects.toThrow(/no such table: nowhere/);
  await expect(read("with gone as (delete from notes returning *) select * from gone")).rejects.toMatchObject({ code: "data/query" });
  expect(await read("select * from notes")).toHaveLength(3);
});

test("quotes and comments may hold anything; what is outside them counts", () => {
  const ok = (q: string) => "statement" in readingStatement(q);
  for (const q of [
    "select ';' , '''; drop'",
    'select "a;b" from t;',
    "/* ; */ select 1 -- ; drop",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "values (1)",
    "(select 1)",
    "select $$ ; $$, $a$ ' ; $a$",
  ])
    expect(ok(q), q).toBe(true);
  for (const q of ["select 1; select 2", "insert into t values (1)", "select ')' )", "update t set a = 1", "'select'"])
    expect(ok(q), q).toBe(false);
});

test("no query throws or hangs the look at it, and one that passes has no semicolon outside quotes", () => {
  const piece = fc.constantFrom("select ", "'", '"', "--", "\n", "/*", "*/", ";", "(", ")", "$a$", "$$", "x", " ");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
      const read = readingStatement(pieces.join(""));
      if ("statement" in read) expect(readingStatement(read.statement)).toEqual({ statement: read.statement });
    }),
    { numRuns: 500 },
  );
});

test("files that are no database, or none, are said by name", async () => {
  await expect(read("select 1 as text")).rejects.toThrow('expected a SQLite file, got "notes.db"');
  writeFileSync(join(folder, "notes.db"), "no database at all, but long enough to be looked at as one".repeat(50));
  await expect(read("select 1 as text from sqlite_master")).rejects.toMatchObject({ code: "data/query" });
  rmSync(join(folder, "notes.db"));
  database(["create table t (text)"]);
  expect(await read("select * from t")).toEqual([]);
});

test("what does not belong together is refused before anything is opened", () => {
  const bad = (options: object, message: RegExp) => expect(() => sourceOptions.parse(options)).toThrow(message);
  bad({ sql: { sqlite: "a" } }, /one statement that reads/);
  bad({ sql: { sqlite: "a" }, query: "select 1", reader: "csv" }, /jsonl or email with sql/);
  bad({ sql: { sqlite: "a", postgres: "b" }, query: "select 1" }, /./);
  bad({ folder: "a", reader: "text", query: "select 1" }, /is for sql only/);
  bad({ sql: { postgres: "postgres://me:secret@host/db" }, query: "select 1" }, /no password in the project/);
  bad({ sql: { sqlite: "a" }, folder: "b", query: "select 1" }, /not both/);
  const once = sourceOptions.parse({ sql: { sqlite: "a" }, query: "select 1" });
  expect(sourceOptions.parse(once)).toEqual(once);
});
