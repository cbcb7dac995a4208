import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { random, systemClock } from "../../base/index.ts";
import { scratchFolder } from "../scratch.laws.ts";
import { findPostgres, freePort, type RunningServer, startPostgres } from "../servers.laws.ts";
import { recordsPlace } from "../url.ts";
import { schemaVersion } from "./migrations.ts";
import { openRecords, type Records, type Writing } from "./records.ts";

const scratch = scratchFolder("records");

const alias = (model: string, number: number) => ({ model, alias: "a", number, set_ms: 1_795_616_141_807 });
const numberOf = async (t: Writing, model: string) =>
  (await t.selectFrom("aliases").select("number").where("model", "=", model).executeTakeFirst())?.number;

/** What every database of records must do. `url` names a fresh one. */
function recordLaws(url: (name: string) => string): void {
  const open = (name: string): Promise<Records> => openRecords(recordsPlace(url(name), scratch), systemClock);

  test("values come back as they went in: numbers beyond 32 bits, any text, null, bytes", async () => {
    const r = await open("values");
    const text = 'größer, 🙂, "quoted", \\ and \n lines, e\u0301, \u202e';
    await r.write(async t => {
      await t
        .insertInto("small_blobs")
        .values({ digest: text, data: Uint8Array.of(0, 255, 10, 0) })
        .execute();
      await t
        .insertInto("aliases")
        .values(alias(text, 2 ** 53 - 1))
        .execute();
    });
    const row = await r.read.selectFrom("small_blobs").selectAll().executeTakeFirstOrThrow();
    expect(row.digest).toBe(text);
    expect([...Buffer.from(row.data)]).toEqual([0, 255, 10, 0]);
    expect(await r.read.selectFrom("aliases").selectAll().execute()).toEqual([alias(text, 2 ** 53 - 1)]);
    await r.close();
  });

  test("a transaction that throws leaves nothing", async () => {
    const r = await open("throws");
    const work = r.write(async t => {
      await t.insertInto("aliases").values(alias("m", 1)).execute();
      throw new Error("changed my mind");
    });
    await expect(work).rejects.toThrow("changed my mind");
    expect(await numberOf(r.read, "m")).toBeUndefined();
    await r.close();
  });

  test("closing ends no transaction half-way: each is done, or refused, and what was done is there", async () => {
    const r = await open("closing");
    const write = (name: string) =>
      r.write(async t => {
        await t
          .insertInto("aliases")
          .values([alias(name, 1), alias(`${name}, again`, 1)])
          .execute();
        await new Promise(next => setTimeout(next, 5));
        expect(await numberOf(t, name)).toBe(1);
      });
    const before = write("before");
    await new Promise(next => setTimeout(next, 2));
    const all = [before, write("meanwhile"), r.close(), write("after")];
    const [first, second, closed, last] = await Promise.allSettled(all);
    expect(closed!.status).toBe("fulfilled");
    const later = await open("closing");
    for (const [name, result] of Object.entries({ before: first!, meanwhile: second!, after: last! }))
      for (const half of [name, `${name}, again`])
        expect(await numberOf(later.read, half), half).toBe(result.status === "fulfilled" ? 1 : undefined);
    expect(first!.status).toBe("fulfilled");
    await later.close();
  });

  test("of many transactions at once those that throw leave nothing and the others everything, whatever the mix", async () => {
    const r = await open("mix");
    const draw = random("mix");
    const plans = Array.from({ length: 150 }, (_, i) => ({ name: `m${i}`, fails: draw.below(3) === 0, durable: draw.below(2) === 0 }));
    const results = await Promise.allSettled(
      plans.map(plan =>
        r.write(
          async t => {
            await t.insertInto("aliases").values(alias(plan.name, 1)).execute();
            // A statement that fails inside the database, not only in our code: the same key twice.
            if (plan.fails) await t.insertInto("aliases").values(alias(plan.name, 2)).execute();
            return plan.name;
          },
          { durable: plan.durable },
        ),
      ),
    );
    const names = (await r.read.selectFrom("aliases").select("model").execute()).map(row => row.model).sort();
    expect(names).toEqual(
      plans
        .filter(plan => !plan.fails)
        .map(plan => plan.name)
        .sort(),
    );
    for (const [i, result] of results.entries()) expect(result.status).toBe(plans[i]!.fails ? "rejected" : "fulfilled");
    await r.close();
  });

  test("a snapshot sees the record of one moment, and holds up no writer", async () => {
    const r = await open("snapshot");
    await r.write(t => t.insertInto("aliases").values(alias("n", 1)).execute());
    await r.snapshot(async db => {
      expect(await numberOf(db, "n")).toBe(1);
      await r.write(t => t.updateTable("aliases").set({ number: 2 }).execute());
      expect(await numberOf(r.read, "n")).toBe(2);
      expect(await numberOf(db, "n")).toBe(1);
    });
    await r.close();
  });

  test("two connections that count up together lose no step", async () => {
    const [a, b] = await Promise.all([open("count"), open("count")]);
    await a.write(t => t.insertInto("aliases").values(alias("n", 0)).execute());
    const step = (r: Records) =>
      r.write(async t => {
        const n = (await numberOf(t, "n"))!;
        await t
          .updateTable("aliases")
          .set({ number: n + 1 })
          .where("model", "=", "n")
          .execute();
      });
    const rounds = async (r: Records) => {
      for (let i = 0; i < 15; i++) await step(r);
    };
    await Promise.all([rounds(a), rounds(b), rounds(a), rounds(b)]);
    expect(await numberOf(b.read, "n")).toBe(60);
    await Promise.all([a.close(), b.close()]);
  });

  test("a record that is opened by several at once for the first time gets its tables once", async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => open("fresh")));
    const versions = await all[0]!.read.selectFrom("loam_schema").select("version").execute();
    expect(versions.map(v => v.version)).toEqual(Array.from({ length: schemaVersion }, (_, i) => i + 1));
    await Promise.all(all.map(r => r.close()));
  });

  test("a record of a newer Loam is refused with both versions, and left as it is", async () => {
    const r = await open("newer");
    await r.write(t =>
      t
        .insertInto("loam_schema")
        .values({ version: schemaVersion + 1, name: "from the future", applied_ms: 0 })
        .execute(),
    );
    await r.close();
    await expect(open("newer")).rejects.toMatchObject({ code: "store/recordsNewer" });
    await expect(open("newer")).rejects.toThrow(`got version ${schemaVersion + 1}`);
  });

  test("a sound database has no findings of its own", async () => {
    const r = await open("sound");
    expect(await r.integrity()).toEqual([]);
    await r.close();
  });
}

describe("sqlite", () => {
  recordLaws(name => `sqlite:${name}.db`);
  const open = (path: string) => openRecords({ kind: "sqlite", path }, systemClock);

  test("a file that is no database, and one cut short, are refused by name", async () => {
    const noise = join(scratch, "noise.db");
    writeFileSync(noise, "certainly not a database ".repeat(400));
    await expect(open(noise)).rejects.toMatchObject({ code: "store/recordsCorrupt", problem: { place: noise } });
  });

  test("a folder in the file's place is refused by name", async () => {
    const folder = join(scratch, "folder.db");
    mkdirSync(folder);
    await expect(open(folder)).rejects.toThrow(folder);
  });

  test("a parameter that the native library cannot take is refused, not handed over", async () => {
    const r = await open(join(scratch, "bind.db"));
    const wrong = r.read.insertInto("aliases").values({ ...alias("m", 1), number: true as never });
    await expect(wrong.execute()).rejects.toThrow(/expected text, a number, bytes or null .* got boolean/);
    await r.close();
  });

  test("a long row of statements, in transactions or not, leaves the event loop free", async () => {
    const r = await open(join(scratch, "turns.db"));
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 1);
    const turnsDuring = async (work: () => Promise<unknown>) => {
      const before = ticks;
      // Ends as soon as somebody else had a turn; a loop that starves them never does.
      for (let i = 0; ticks < before + 3 && i < 200_000; i++) await work();
      return ticks - before;
    };
    expect(await turnsDuring(() => r.read.selectFrom("aliases").selectAll().execute())).toBeGreaterThanOrEqual(3);
    expect(await turnsDuring(() => r.write(t => t.deleteFrom("aliases").execute()))).toBeGreaterThanOrEqual(3);
    await r.snapshot(async db => {
      expect(await turnsDuring(() => db.selectFrom("aliases").selectAll().execute())).toBeGreaterThanOrEqual(3);
    });
    clearInterval(ticking);
    await r.close();
  });

  test("while another process holds the database, waiting leaves the event loop free", async () => {
    const [a, b] = await Promise.all([open(join(scratch, "busy.db")), open(join(scratch, "busy.db"))]);
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    let open2 = () => {};
    const held = new Promise<void>(resolve => {
      open2 = resolve;
    });
    const first = a.write(() => held);
    const second = b.write(t => t.insertInto("aliases").values(alias("second", 1)).execute());
    while (ticks < 10) await new Promise(next => setTimeout(next, 5));
    open2();
    await Promise.all([first, second]);
    clearInterval(ticking);
    expect(await numberOf(a.read, "second")).toBe(1);
    await Promise.all([a.close(), b.close()]);
  });
});

const found = findPostgres();
describe.skipIf(found.reason)(`postgres${found.reason ? ` (skipped: ${found.reason})` : ""}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startPostgres(found.program!);
  });
  afterAll(() => server?.stop());
  recordLaws(name => server.url(name));

  test("a server that is not there and a database that is not there are named, without the password", async () => {
    const at = (url: string) => openRecords(recordsPlace(url, scratch), systemClock);
    const away = at(`postgres://loam:secret-word@127.0.0.1:${await freePort()}/postgres`);
    await expect(away).rejects.toMatchObject({ code: "store/recordsUnreachable" });
    await expect(away).rejects.not.toThrow(/secret-word/);
    await expect(at(server.url("x").replace("/postgres?", "/nowhere?"))).rejects.toThrow(/nowhere/);
  });
});
