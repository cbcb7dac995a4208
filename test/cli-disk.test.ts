/** Disks that are full or cannot be written: a sentence and exit code 3, nothing half-written, and a run that goes on when there is room. */
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { jsonLines, loamProcess } from "./support/child.ts";
import { type Disk, noDisks, smallDisk } from "./support/mount.ts";
import { toyProject, writeToy } from "./support/project.ts";

const onDisk = (name: string, size: string, body: (disk: Disk) => Promise<void>) => {
  const run = async () => {
    const disk = smallDisk(size);
    try {
      await body(disk);
    } finally {
      disk.remove();
    }
  };
  if (noDisks) test.skip(`${name} (skipped: ${noDisks})`, run);
  else test(name, run);
};

for (const size of ["400k", "1m", "2m"])
  onDisk(`a disk of ${size} that fills up ends the run with a sentence; with room the same run goes on to the end`, size, async disk => {
    const cwd = writeToy(disk.folder, { tokens: 60_000, train: "checkpointSeconds: 0" });
    const full = await loamProcess(["run"], { cwd });
    expect(full.stderr).toMatch(/loam: .*(the disk is full|full)/);
    expect(full.stderr).not.toContain("This is a fault in Loam");
    expect(full.code).toBe(3);

    disk.remount("size=64m");
    const again = await loamProcess(["run"], { cwd });
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).not.toContain("loam:");
    const proof = await loamProcess(["trace", "--verify", "--json"], { cwd });
    expect(jsonLines(proof.stdout).at(-1)).toMatchObject({ ok: true });
  });

onDisk("a project on a read-only disk is refused with its place, and nothing in it changes", "32m", async disk => {
  const cwd = writeToy(disk.folder);
  expect((await loamProcess(["run", "tokenizer"], { cwd })).code).toBe(0);
  const before = readdirSync(join(cwd, ".loam"), { recursive: true }).length;
  disk.remount("ro");
  const { code, stderr } = await loamProcess(["run"], { cwd });
  expect(stderr).toMatch(/loam: .*\.loam.*expected a (place|file|record) that can be (opened and )?written/);
  expect(code).toBe(3);
  expect(readdirSync(join(cwd, ".loam"), { recursive: true })).toHaveLength(before);
});

onDisk("init on a read-only disk leaves nothing behind", "1m", async disk => {
  disk.remount("ro");
  const { code, stderr } = await loamProcess(["init", "mine"], { cwd: disk.folder });
  expect(stderr).toMatch(/expected a place that can be written, got EROFS/);
  expect(code).toBe(3);
  expect(readdirSync(disk.folder)).toEqual([]);
});

onDisk("init on a full disk leaves nothing behind", "100k", async disk => {
  const { code, stderr } = await loamProcess(["init", "mine"], { cwd: disk.folder });
  expect(stderr).toMatch(/the disk is full/);
  expect(code).toBe(3);
  expect(readdirSync(disk.folder)).toEqual([]);
});

const isRoot = process.getuid?.() === 0;
(isRoot ? test.skip : test)(
  `a folder without the right to write is refused${isRoot ? " (skipped: root may write everywhere)" : ""}`,
  async () => {
    const cwd = toyProject();
    chmodSync(cwd, 0o555);
    try {
      const { code, stderr } = await loamProcess(["run"], { cwd });
      expect(stderr).toMatch(/expected a place that can be written, got EACCES/);
      expect(code).toBe(3);
      expect(existsSync(join(cwd, ".loam"))).toBe(false);
    } finally {
      chmodSync(cwd, 0o755);
    }
  },
);
