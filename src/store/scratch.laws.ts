/** A folder for one test file, removed after it: in memory where there is room, because the tests ask what is right, not how fast the disk is. */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const neededBytes = 2 ** 30;

export function scratchBase(): string {
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    if (bavail * bsize > neededBytes) return "/dev/shm";
  } catch {
    // Not Linux.
  }
  return tmpdir();
}

export function scratchFolder(name: string): string {
  const folder = mkdtempSync(join(scratchBase(), `loam-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
