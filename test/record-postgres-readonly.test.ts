/** A record in PostgreSQL for somebody who may only read it: listed, traced and verified, and nothing of it can be changed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../src/store/index.ts";
import { findPostgres, type RunningServer, startPostgres } from "../src/store/servers.laws.ts";
import { jsonLines, loam } from "./support/child.ts";
import { writeToy } from "./support/project.ts";

const found = findPostgres();
describe.skipIf(found.reason)(`PostgreSQL${found.reason ? ` (skipped: ${found.reason})` : ""}`, () => {
  let server: RunningServer;
  let cwd = "";
  let owner: string;
  let auditor: string;
  const asOwner = async (...statements: string[]) => {
    const client = new pg.Client({ connectionString: owner.replace(/\?.*/, "") });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  };
  const recordIn = (url: string) => {
    const path = join(cwd, "loam.yaml");
    const text = readFileSync(path, "utf8").replace(/\nstore:.*$/s, "");
    writeFileSync(path, `${text}\nstore: { records: "${url}" }\n`);
  };
  beforeAll(async () => {
    server = await startPostgres(found.program!);
    owner = server.url("audited");
    auditor = owner.replace("loam@", "auditor@");
    cwd = writeToy(mkdtempSync(join(tmpdir(), "loam-audited-")));
    recordIn(owner);
    const ran = await loam(["run", "--json"], { cwd });
    expect(ran.code, ran.stderr).toBe(0);
    await asOwner(
      "create role auditor login",
      "grant usage on schema audited to auditor",
      "grant select on all tables in schema audited to auditor",
    );
  }, 180_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(cwd, { recursive: true, force: true });
  });

  test("a role with nothing but SELECT lists, traces and verifies the record", async () => {
    recordIn(auditor);
    const models = await loam(["models", "--json"], { cwd });
    expect(models.code, models.stderr).toBe(0);
    expect(jsonLines(models.stdout).at(-1)).toMatchObject({ models: [{ model: "toy", versions: [{ number: 1 }] }] });
    for (const args of [["trace", "toy@1"], ["models", "show", "toy@1"], ["gc"]]) {
      const { code, stderr } = await loam([...args, "--json"], { cwd });
      expect([args, code, stderr]).toEqual([args, 0, expect.anything()]);
    }
    const proof = await loam(["trace", "--verify", "--json"], { cwd });
    expect(proof.code, proof.stderr).toBe(0);
    expect(jsonLines(proof.stdout).at(-1)).toMatchObject({ ok: true, contentRead: true });
    const run = await loam(["run", "--force"], { cwd });
    expect(run.code).toBe(3);
    expect(run.stderr).toMatch(/expected a record that can be written, got a role or a server that may only read/);
  });

  test("whatever is asked through a record that was opened to be read, its transactions are read-only", async () => {
    const store = await openStore({ root: cwd, records: auditor });
    expect([store.isReadOnly, store.records.isReadOnly]).toEqual([true, true]);
    await expect(store.records.write(async t => t.deleteFrom("artifacts").execute())).rejects.toMatchObject({ code: "base/readOnly" });
    // also where the role may write
    await asOwner("alter role auditor set default_transaction_read_only = off", "grant delete on audited.projects to auditor");
    await expect(store.records.read.deleteFrom("projects").execute()).rejects.toMatchObject({ code: "base/readOnly" });
    await store.close();
    await asOwner("revoke delete on audited.projects from auditor", "alter role auditor reset default_transaction_read_only");
  });

  test("a database that is set to be read is read as it is by its owner too, and written again afterwards", async () => {
    await asOwner("alter database postgres set default_transaction_read_only = on");
    const store = await openStore({ root: cwd, records: owner });
    expect(store.isReadOnly).toBe(true);
    expect(await store.records.read.selectFrom("artifacts").selectAll().execute()).not.toEqual([]);
    await store.close();
    await asOwner("set default_transaction_read_only = off", "alter database postgres reset default_transaction_read_only");
    const again = await openStore({ root: cwd, records: owner });
    expect(again.isReadOnly).toBe(false);
    await again.close();
  });

  test("an older record that the role cannot bring forward is refused with what to do", async () => {
    await asOwner("delete from audited.loam_schema where version = (select max(version) from audited.loam_schema)");
    await expect(openStore({ root: cwd, records: auditor })).rejects.toThrow(/an older one.*Open it once with a role that may write/);
  });
});
