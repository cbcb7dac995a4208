/** Files that are whole or absent: write beside, fsync, rename, fsync the folder. Errors of the disk become errors of Loam, placed. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isLoamError, type LoamError } from "./error.ts";
import { baseErrors } from "./errors.ts";

let counter = 0;
/** A name beside `path` that no other process or call uses. */
export const temporaryBeside = (path: string): string =>
  join(dirname(path), `.${process.pid}-${Date.now().toString(36)}-${counter++}.part`);

/** Maps a Node file error to Loam's; other errors and Loam's own pass through. */
export function fileError(error: unknown, path: string): LoamError {
  if (isLoamError(error)) return error;
  const code = (error as NodeJS.ErrnoException)?.code;
  if (code === "ENOSPC" || code === "EDQUOT")
    return baseErrors.fail(
      "diskFull",
      { place: path, message: "the disk is full", hint: "Free some space and run the same command again; finished parts are kept." },
      error,
    );
  if (code === "EROFS" || code === "EACCES" || code === "EPERM")
    return baseErrors.fail(
      "readOnly",
      { place: path, expected: "a place that can be written", received: code, hint: "Check the permissions, or use another folder." },
      error,
    );
  if (code === "ENOENT")
    return baseErrors.fail("missingFile", { place: path, message: "no such file or folder", hint: "Check the path." }, error);
  return baseErrors.fail("io", { place: path, message: (error as Error)?.message ?? String(error) }, error);
}

/** fsync of a folder, so that a rename in it survives a power cut. Windows has no such call; there it does nothing. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function writeAll(fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, data.length - at);
}

/** Makes a folder and what is missing above it, level by level: asked for all at once, Node calls a read-only disk "no such file". */
export function makeFolder(path: string, mode?: number): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.push(at);
  for (const level of missing.reverse())
    try {
      mkdirSync(level, mode);
    } catch (error) {
      // another process may be a moment quicker
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(error, level);
    }
}

/** Writes a file atomically and durably: after it returns the bytes survive `kill -9` and a power cut; if it throws, the old file stands. */
export function writeFileAtomic(path: string, data: string | Uint8Array, options: { durable?: boolean; mode?: number } = {}): void {
  const durable = options.durable ?? true;
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  let part: string | undefined;
  try {
    makeFolder(dirname(path));
    part = temporaryBeside(path);
    const fd = openSync(part, "wx", options.mode);
    try {
      writeAll(fd, bytes);
      if (durable) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(part, path);
    if (durable) syncFolder(dirname(path));
  } catch (error) {
    if (part && existsSync(part)) rmSync(part, { force: true });
    throw fileError(error, path);
  }
}

export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(error, path);
  }
}

export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(error, path);
  }
}
