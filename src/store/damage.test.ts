/** The embedded record on a disk that fails it: full, read-only, bits that flip, a file cut short. */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { canonicalJson, isLoamError, random } from "../base/index.ts";
import { registerVersion } from "./models.ts";
import { listArtifacts } from "./names.ts";
import { runStage } from "./runner.ts";
import { scratchFolder } from "./scratch.laws.ts";
import { collect, filter, train } from "./stages.laws.ts";
import { openStore } from "./store.ts";
import { verify } from "./verify.ts";

const scratch = scratchFolder("damage");
const mounted: string[] = [];
afterAll(() => {
  // Lazily: libsql lets go of a closed database's file only when its statements are collected.
  for (const at of mounted) execFileSync("umount", ["-l", at]);
});

const collected = (n: number) => ({ inputs: {}, options: { ids: Array.from({ length: n }, (_, i) => `document ${i}`) } });

async function makeRecord(root: string, rounds = 2) {
  const store = await openStore({ root });
  for (let n = 1; n <= rounds; n++) {
    const documents = (await runStage(store, collect, collected(n))).artifact;
    const kept = (await runStage(store, filter, { inputs: { documents }, options: { drop: "3" } })).artifact;
    const model = (await runStage(store, train, { inputs: { documents: kept }, options: { steps: n, bytes: 20_000 } })).artifact;
    await registerVersion(store, "m", model.id, { n });
  }
  await store.close();
}

/** Everything that the log is there to prove, as text. */
async function contentOf(store: Awaited<ReturnType<typeof openStore>>): Promise<string> {
  const db = store.records.read;
  const tables = ["artifacts", "artifact_files", "inputs", "versions", "aliases", "log", "log_head"] as const;
  const all: unknown[] = [];
  for (const table of tables) all.push((await db.selectFrom(table).selectAll().execute()).map(r => canonicalJson(r)).sort());
  const small = await db.selectFrom("small_blobs").selectAll().execute();
  all.push(small.map(r => `${r.digest} ${Buffer.from(r.data).toString("base64")}`).sort());
  return canonicalJson(all);
}

test("any flipped bit of the database file is found, or changed nothing of what the record says", async () => {
  const good = join(scratch, "good");
  await makeRecord(good, 6);
  const path = join(good, ".loam", "record.db");
  const bytes = readFileSync(path);
  const store = await openStore({ root: good });
  expect((await verify(store, { content: true })).findings).toEqual([]);
  const content = await contentOf(store);
  await store.close();

  const bad = join(scratch, "bad");
  cpSync(good, bad, { recursive: true });
  const badPath = join(bad, ".loam", "record.db");
  const r = random("flips");
  const outcome = { refused: 0, found: 0, harmless: 0 };
  const flips = rounds(60, 16);
  for (let i = 0; i < flips; i++) {
    // Every other time a byte that is not zero: a third of the file is empty.
    let at = r.below(bytes.length);
    while (i % 2 && bytes[at] === 0) at = r.below(bytes.length);
    const flipped = Buffer.from(bytes);
    flipped[at] = flipped[at]! ^ (1 << r.below(8));
    for (const side of ["-wal", "-shm"]) rmSync(badPath + side, { force: true });
    writeFileSync(badPath, flipped);
    copyFileSync(join(good, ".loam", "record.db.heads"), `${badPath}.heads`);
    const opened = await openStore({ root: bad }).catch(error => {
      expect(isLoamError(error), `byte ${at}: ${error}`).toBe(true);
      outcome.refused++;
    });
    if (!opened) continue;
    const found = await verify(opened, { content: true });
    if (!found.ok) outcome.found++;
    else {
      expect(await contentOf(opened), `byte ${at} was changed and not found`).toBe(content);
      outcome.harmless++;
    }
    await opened.close();
  }
  expect(outcome.found, canonicalJson(outcome)).toBeGreaterThan(flips / 5);
});

test("a database cut short is refused or found, at any length", async () => {
  const root = join(scratch, "cut");
  await makeRecord(root);
  const path = join(root, ".loam", "record.db");
  const whole = readFileSync(path);
  const r = random("cut");
  for (let i = 0; i < rounds(8, 4); i++) {
    for (const side of ["-wal", "-shm"]) rmSync(path + side, { force: true });
    writeFileSync(path, whole);
    truncateSync(path, 1 + r.below(whole.length - 1));
    const store = await openStore({ root }).catch(error => {
      expect(isLoamError(error, "store/recordsCorrupt"), String(error)).toBe(true);
    });
    if (!store) continue;
    expect((await verify(store)).ok).toBe(false);
    await store.close();
  }
});

test("a half-written last head, as a power cut leaves it, is mended when the record is opened", async () => {
  const root = join(scratch, "heads");
  await makeRecord(root);
  const heads = join(root, ".loam", "record.db.heads");
  const whole = readFileSync(heads);
  for (const tail of [
    whole.subarray(0, whole.length - 20),
    Buffer.concat([whole, Buffer.alloc(300)]),
    Buffer.concat([whole, Buffer.from("25 abc")]),
  ]) {
    writeFileSync(heads, tail);
    const store = await openStore({ root });
    expect((await verify(store)).findings).toEqual([]);
    const { artifact } = await runStage(store, collect, collected(50 + (tail.length % 7)));
    expect((await verify(store)).findings).toEqual([]);
    expect(readFileSync(heads, "utf8")).toMatch(/^(\d+ [0-9a-f]{64} [0-9a-f]{64}\n)+$/);
    expect(artifact.files.length).toBe(3);
    await store.close();
  }
});

const why = (() => {
  if (process.getuid?.() !== 0) return "mounting a small disk needs root";
  const at = join(scratch, "probe");
  mkdirSync(at);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", at], { stdio: "ignore" });
    execFileSync("umount", [at]);
    return undefined;
  } catch {
    return "this machine lets nobody mount a small disk";
  }
})();
const mount = (name: string, size: string): string => {
  const at = join(scratch, name);
  mkdirSync(at);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", at]);
  mounted.push(at);
  return at;
};
const skipped = why ? ` (skipped: ${why})` : "";

test.skipIf(why)(
  `on a full disk every artifact is recorded whole or refused by name, and with space again it goes on${skipped}`,
  async () => {
    const root = mount("full", "3m");
    const store = await openStore({ root });
    const made: string[] = [];
    let refused = 0;
    for (let n = 1; n < 60 && refused < 3; n++) {
      const documents = (await runStage(store, collect, collected(3))).artifact;
      // Small files fill the database, large ones the folder: both ends of the disk are reached.
      const bytes = n % 2 ? 15_000 : 150_000;
      const result = await runStage(store, train, { inputs: { documents }, options: { steps: n, bytes } }).catch(error => {
        expect(isLoamError(error, "base/diskFull"), String(error)).toBe(true);
        expect(String(error)).toContain("the disk is full");
        refused++;
      });
      if (result) made.push(result.artifact.id);
    }
    expect(refused).toBe(3);
    expect(made.length).toBeGreaterThan(3);
    execFileSync("mount", ["-o", "remount,size=8m", root]);
    expect(new Set((await listArtifacts(store, { kind: "model" })).map(a => a.id))).toEqual(new Set(made));
    expect((await verify(store, { content: true })).findings).toEqual([]);
    const documents = (await runStage(store, collect, collected(3))).artifact;
    for (let n = 1; n <= made.length + 3; n++)
      await runStage(store, train, { inputs: { documents }, options: { steps: n, bytes: n % 2 ? 15_000 : 150_000 }, waitMs: 0 });
    expect((await verify(store, { content: true })).findings).toEqual([]);
    await store.close();
  },
);

test.skipIf(why)(`a project that cannot be written is refused by name, before anything runs${skipped}`, async () => {
  const root = mount("readonly", "8m");
  const made = join(scratch, "before-readonly");
  await makeRecord(made);
  cpSync(made, root, { recursive: true });
  execFileSync("mount", ["-o", "remount,ro", root]);
  const store = await openStore({ root });
  expect(store.isReadOnly).toBe(true);
  let hasRun = false;
  const seen: typeof collect = {
    ...collect,
    run: async context => {
      hasRun = true;
      return collect.run(context);
    },
  };
  const running = () => runStage(store, seen, collected(9));
  await expect(running()).rejects.toMatchObject({ code: "base/readOnly" });
  await expect(running()).rejects.toThrow(new RegExp(`${root}.*expected .*writ`));
  expect(hasRun).toBe(false);
  await store.close();
  const empty = mount("readonly-empty", "1m");
  execFileSync("mount", ["-o", "remount,ro", empty]);
  await expect(openStore({ root: empty })).rejects.toMatchObject({ code: "base/readOnly" });
  expect(existsSync(join(empty, ".loam"))).toBe(false);
  expect(statSync(root).isDirectory()).toBe(true);
});
