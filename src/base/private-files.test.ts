import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makePrivateFile } from "./private-files.ts";

const bits = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

// Windows has no such bits
test.skipIf(process.platform === "win32")(
  "a file that others could read is its owner's alone, and a folder that a group shares on purpose stays shared",
  () => {
    const root = mkdtempSync(join(tmpdir(), "loam-private-"));
    const umask = process.umask(0o022);
    try {
      makePrivateFile(join(root, "new", "deep", "state.db"));
      expect(["new", "new/deep", "new/deep/state.db"].map(path => bits(join(root, path)))).toEqual(["700", "700", "600"]);

      mkdirSync(join(root, "old", ".loam"), { recursive: true });
      for (const end of ["", "-wal", "-shm"]) writeFileSync(join(root, "old", ".loam", `record.db${end}`), "x");
      makePrivateFile(join(root, "old", ".loam", "record.db"));
      expect(
        ["", ".loam", ".loam/record.db", ".loam/record.db-wal", ".loam/record.db-shm"].map(path => bits(join(root, "old", path))),
      ).toEqual(["755", "700", "600", "600", "600"]);

      mkdirSync(join(root, "team", ".loam"), { recursive: true });
      chmodSync(join(root, "team", ".loam"), 0o2775);
      makePrivateFile(join(root, "team", ".loam", "record.db"));
      expect(bits(join(root, "team", ".loam"))).toBe("2775");
    } finally {
      process.umask(umask);
      rmSync(root, { recursive: true, force: true });
    }
  },
);
