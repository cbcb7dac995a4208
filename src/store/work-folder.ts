/**
 * Folders beside the record with what saves time and may hold text: scratch of runs, caches. In `.loam`; where the record is encrypted, in memory (tmpfs), so
 * that no text of theirs reaches a disk. Those in memory are gone when the machine starts again: interrupted work starts again.
 */
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileError, sha256 } from "../base/index.ts";
import { memoryFolder } from "./blobs/memory-files.ts";
import type { EncryptOptions } from "./encryption/open-ring.ts";
import { storeErrors } from "./errors.ts";

/** Names of these folders. */
export type WorkName = "scratch" | "kept" | "answers" | "teachers" | "effects" | "cache";

/** A folder for this user alone; one of somebody else's that bears the name is refused. */
function ownFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const { uid } = statSync(path);
    if (uid === process.getuid?.()) chmodSync(path, 0o700);
    else
      throw storeErrors.fail("noMemoryFiles", {
        place: path,
        expected: "a folder of this user",
        received: `one of user ${uid}`,
        hint: "Remove it.",
      });
    return path;
  } catch (error) {
    throw fileError(error, path);
  }
}

/** The folder `name` of the project at `root`; made where it is in memory. Errors: noMemoryFiles. */
export function workFolder(root: string, name: WorkName, encrypt: EncryptOptions | undefined): string {
  if (!encrypt || encrypt.work === "disk") return join(root, ".loam", name);
  const user = ownFolder(join(memoryFolder(), `loam-${process.getuid?.() ?? 0}`));
  return ownFolder(join(user, sha256(resolve(root)).slice(0, 16), name));
}
