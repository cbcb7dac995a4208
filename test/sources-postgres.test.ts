/** A query of PostgreSQL as a source, on a real server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { manifestOf } from "../src/data/sources/manifest.ts";
import { openSource, sourceRecords } from "../src/data/sources/open.ts";
import { sourceOptions } from "../src/data/sources/options.ts";
import type { ReadRecord } from "../src/data/sources/source.ts";
import { findPostgres, type RunningServer, startPostgres } from "../src/store/servers.laws.ts";

const found = findPostgres();
const folder = mkdtempSync(join(tmpdir(), "loam-sources-pg-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!found.program)(`PostgreSQL${found.program ? "" : ` (skipped: ${found.reason})`}`, () => {
  let server: RunningServer;
  let url = "";
  let client: pg.Client;
  const source = (query: string, more: object = {}, postgres = url) => sourceOptions.parse({ sql: { postgres }, query, ...more });
  async function read(query: string, more: object = {}, postgres = url): Promise<ReadRecord[]> {
    const options = source(query, more, postgres);
    const { files } = await manifestOf(options, { folder });
    const open = await openSource(options, folder);
    const out: ReadRecord[] = [];
    for (const entry of files) for await (const r of sourceRecords(open, options, entry)) out.push(r);
    await open.close();
    return out;
  }
  const identity = async (query: string, more: object = {}) => (await manifestOf(source(query, more), { folder })).identity;

  beforeAll(async () => {
    server = await startPostgres(found.program!);
    url = server.url("x").replace(/\?.*$/, "");
    client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`create table notes (id bigint primary key, title text, text text, score float8, n numeric, at timestamptz, day date,
      ok boolean, tags text[], extra jsonb, raw bytea, code uuid)`);
    await client.query(`insert into notes select i, 'T' || i, 'Note ' || i || ' of them.', i / 2.0, i / 3.0, '2026-01-02 03:04:05+02', '2026-01-02',
      i % 2 = 0, array['a', 'b'], '{"lang": {"code": "en"}}', 'raw ' ::bytea, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' from generate_series(1, 20000) i`);
  });
  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  test("rows of every batch are records; values are as the server writes them, in UTC", async () => {
    const records = await read("select * from notes order by id");
    expect(records).toHaveLength(20_000);
    expect(records.map(r => r.ok && r.text)).toEqual(Array.from({ length: 20_000 }, (_, i) => `Note ${i + 1} of them.`));
    expect(records[1]).toMatchObject({
      key: "rows#2",
      place: "rows:2",
      attributes: {
        title: "T2",
        score: 1,
        n: "0.66666666666666666667",
        at: "2026-01-02 01:04:05+00",
        day: "2026-01-02",
        ok: true,
        raw: "raw ",
      },
    });
    expect(await read("select id, extra from notes where id = 5", { field: "extra.lang.code" })).toMatchObject([{ text: "en" }]);
    const saved = process.env.TZ;
    try {
      process.env.TZ = "Asia/Tokyo";
      expect((await read("select * from notes order by id limit 2"))[1]).toEqual(records[1]);
    } finally {
      if (saved === undefined) delete process.env.TZ;
      else process.env.TZ = saved;
    }
  });

  test("the identity follows the rows, not their order; a version spares the pass; changed rows stop the run", async () => {
    const query = "select id, text from notes where id <= 1000";
    const first = await identity(query);
    expect(await identity(`${query} order by md5(text)`)).toBe(first);
    const named = await identity(query, { version: 1 });
    const options = source(query);
    const { files } = await manifestOf(options, { folder });
    await client.query("update notes set text = 'x' where id = 7");
    expect(await identity(query)).not.toBe(first);
    expect(await identity(query, { version: 1 })).toBe(named);
    const open = await openSource(options, folder);
    const drain = async () => {
      for await (const _ of sourceRecords(open, options, files[0]!));
    };
    await expect(drain()).rejects.toMatchObject({ code: "data/sourceChanged" });
  });

  test("nothing is ever written, whatever the query tries", async () => {
    await client.query("create sequence counter");
    await client.query("create function evil() returns text language sql as $$ delete from notes returning 'gone' $$");
    for (const query of [
      "with gone as (delete from notes returning id) select * from gone",
      "select nextval('counter')::text as text",
      "select evil() as text",
      "select 1; delete from notes",
      "select * into copy from notes",
      "select $$ as text; delete from notes; select $$ as text",
    ])
      await expect(
        (async () => {
          const records = await read(query);
          // What is read as one harmless statement is one.
          expect(records.every(r => r.ok)).toBe(true);
          throw Object.assign(new Error("harmless"), { code: "data/query" });
        })(),
        query,
      ).rejects.toMatchObject({ code: "data/query" });
    expect((await client.query("select count(*)::int as n from notes")).rows[0].n).toBe(20_000);
    expect((await client.query("select count(*)::int as n from pg_tables where tablename = 'copy'")).rows[0].n).toBe(0);
  });

  test("a bad query, a wrong name, no server and no variable are told apart, without a password", async () => {
    await expect(read("select * from nowhere")).rejects.toThrow(/relation "nowhere" does not exist/);
    await expect(read("select id from notes", { key: "no" })).rejects.toThrow('expected a column "no", which is the key, got id');
    await expect(read("select 1/0 as text")).rejects.toMatchObject({ code: "data/query" });
    await expect(read("select (100 / (50 - id))::text as text from notes order by id")).rejects.toThrow(/division by zero/);
    process.env.LOAM_TEST_DATABASE = url;
    expect(await read("select 'one' as text", {}, "LOAM_TEST_DATABASE")).toMatchObject([{ text: "one" }]);
    expect((await manifestOf(source("select 'one' as text", {}, "LOAM_TEST_DATABASE"), { folder })).origin).toBe(
      "postgres:LOAM_TEST_DATABASE",
    );
    process.env.LOAM_TEST_DATABASE = "postgres://me:very-secret@127.0.0.1:9/db";
    const failure = await read("select 'one' as text", {}, "LOAM_TEST_DATABASE").catch((e: Error) => e);
    expect(failure).toMatchObject({ code: "data/sourceUnreachable" });
    expect(JSON.stringify(failure) + String(failure)).not.toContain("very-secret");
    delete process.env.LOAM_TEST_DATABASE;
    await expect(read("select 'one' as text", {}, "LOAM_TEST_DATABASE")).rejects.toThrow('got "LOAM_TEST_DATABASE", which is not set');
  });

  test("a server that goes away in the middle is an error, not a shorter source", async () => {
    const options = source("select id, text from notes, pg_sleep(0)", { version: 1 });
    const { files } = await manifestOf(options, { folder });
    const open = await openSource(options, folder);
    const drain = async () => {
      let n = 0;
      for await (const _ of sourceRecords(open, options, files[0]!))
        if (++n === 100) await client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'loam'");
    };
    await expect(drain()).rejects.toMatchObject({ code: "data/sourceUnreachable" });
  });
});
