/**
 * Files with what users said or what opens something: for their owner alone, in folders for their owner alone, whatever the process's umask is. Windows has
 * no such bits; there nothing is done. What SQLite makes beside a database (`-wal`, `-shm`) has the database's bits, so that is made first.
 */
import { chmodSync, closeSync, openSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { makeFolder } from "./files.ts";

export const privateFileMode = 0o600;
export const privateFolderMode = 0o700;

/** Loam's own folder of a project, whatever has made it. */
const ownFolder = ".loam";
const others = 0o077;
/** Somebody has shared a folder with a group on purpose: it is left so. */
const sharing = 0o2020;

const modeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.mode;

/** Takes others' rights away where there are any; whose file it is not, leaves it. */
function tighten(path: string, mode: number): void {
  const found = modeOf(path);
  if (found === undefined || (found & others) === 0) return;
  try {
    chmodSync(path, mode);
  } catch (error) {
    if (!["EPERM", "EROFS", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Makes a folder and what is missing above it. One that is there is left as it is, but for Loam's own. Errors: those of `makeFolder`. */
export function makePrivateFolder(path: string): void {
  makeFolder(path, privateFolderMode);
  if (process.platform !== "win32" && basename(path) === ownFolder && (modeOf(path)! & sharing) === 0) tighten(path, privateFolderMode);
}

/** Makes an empty file where there is none, and takes others' rights from it and from what SQLite has made beside it. Errors: those of `makeFolder`, node's. */
export function makePrivateFile(path: string): void {
  makePrivateFolder(dirname(path));
  if (process.platform === "win32") return;
  if (modeOf(path) === undefined) closeSync(openSync(path, "a", privateFileMode));
  for (const end of ["", "-wal", "-shm", "-journal"]) tighten(`${path}${end}`, privateFileMode);
}
