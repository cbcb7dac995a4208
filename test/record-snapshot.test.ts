/** A record that cannot be written, as an auditor gets it: listed, traced and verified; nothing beside it is made or changed. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256 } from "../src/base/index.ts";
import { jsonLines, loam } from "./support/child.ts";
import { noDisks, smallDisk } from "./support/mount.ts";
import { trainedToy } from "./support/project.ts";

let made = "";
beforeAll(async () => {
  made = await trainedToy({}, mkdtempSync(join(tmpdir(), "loam-snapshot-")));
}, 120_000);
afterAll(() => rmSync(made, { recursive: true, force: true }));

/** Every file of a folder with its bytes and its time of change. */
const stateOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(e => join(e.parentPath, e.name))
    .sort()
    .map(path => {
      const s = statSync(path);
      return `${path} ${s.mtimeMs} ${s.isFile() ? sha256(readFileSync(path)) : "folder"}`;
    });

const onReadOnlyDisk = noDisks ? test.skip : test;

onReadOnlyDisk("a project on a read-only disk is listed, traced and verified, and nothing in it changes", async () => {
  const disk = smallDisk("64m");
  try {
    cpSync(made, disk.folder, { recursive: true });
    disk.remount("ro");
    const cwd = disk.folder;
    const before = stateOf(cwd);
    const models = await loam(["models", "--json"], { cwd });
    expect(models.code, models.stderr).toBe(0);
    expect(jsonLines(models.stdout).at(-1)).toMatchObject({ models: [{ model: "toy", versions: [{ number: 1 }] }] });
    const trace = await loam(["trace", "toy@1", "--json"], { cwd });
    expect(trace.code, trace.stderr).toBe(0);
    const proof = await loam(["trace", "--verify", "--json"], { cwd });
    expect(proof.code, proof.stderr).toBe(0);
    expect(jsonLines(proof.stdout).at(-1)).toMatchObject({
      ok: true,
      contentRead: true,
      notCovered: expect.arrayContaining(["table run_data", ".loam/kept/", ".loam/scratch/"]),
    });
    const shown = await loam(["models", "show", "toy@1"], { cwd });
    expect(shown.code, shown.stderr).toBe(0);
    expect((await loam(["gc", "--json"], { cwd })).code).toBe(0);
    const run = await loam(["run", "--force"], { cwd });
    expect(run.code).toBe(3);
    expect(run.stderr).toMatch(/expected a (record|place|file) that can be (opened and )?written/);
    expect(stateOf(cwd)).toEqual(before);
  } finally {
    disk.remove();
  }
});

onReadOnlyDisk("a copy taken while the record was open is read with its last commits", async () => {
  const disk = smallDisk("64m");
  try {
    cpSync(made, disk.folder, { recursive: true });
    const cwd = disk.folder;
    // a writer that is killed leaves its commits in the log beside the database
    const code = `import { openStore, runStage, stage, z } from ${JSON.stringify(new URL("../dist/src/store/index.js", import.meta.url).href)};
      const store = await openStore({ root: ${JSON.stringify(cwd)} });
      const last = stage({ name: "last", version: 1, inputs: {}, options: z.object({}), output: "note", run: async ({ output }) => { await output.write("a.txt", "last"); return {}; } });
      await runStage(store, last, { inputs: {}, options: {} });
      process.kill(process.pid, "SIGKILL");`;
    spawnSync(process.execPath, ["--input-type=module", "-e", code]);
    expect(statSync(join(cwd, ".loam", "record.db-wal")).size).toBeGreaterThan(0);
    disk.remount("ro");
    const before = stateOf(cwd);
    const proof = await loam(["trace", "--verify", "--json"], { cwd });
    expect(proof.code, proof.stderr).toBe(0);
    const whole = await loam(["trace", "--verify", "--json"], { cwd: made });
    const entries = (text: string) => (jsonLines(text).at(-1) as { entries: number }).entries;
    expect(entries(proof.stdout)).toBe(entries(whole.stdout) + 1);
    expect(stateOf(cwd)).toEqual(before);
  } finally {
    disk.remove();
  }
});
