/**
 * The small file of tree heads beside the database: a line a head, `size root head`, only ever appended to. Whoever shortens or rewrites the
 * log in the database must also rewrite this file, and whoever keeps one old line elsewhere can prove that they did. A head is a link of a
 * hash chain: SHA-256 over the size, the root and the head before.
 */
import { appendFileSync, closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { fileError, hashOf } from "../../base/index.ts";

export interface TreeHead {
  /** Number of entries. */
  readonly size: number;
  readonly root: string;
  /** This link of the chain. */
  readonly head: string;
}

export const chainHead = (size: number, root: string, previous: string): string => hashOf({ previous, root, size });

const lineOf = (h: TreeHead): string => `${h.size} ${h.root} ${h.head}\n`;

/** A line that is no head comes back as its text. */
export function readHeads(path: string): { readonly line: number; readonly head: TreeHead | string }[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((text, i) => {
    const m = /^(0|[1-9]\d{0,15}) ([0-9a-f]{64}) ([0-9a-f]{64})$/.exec(text);
    return { line: i + 1, head: m ? { size: Number(m[1]), root: m[2]!, head: m[3]! } : text };
  });
}

/**
 * Adds a head. One short write in append mode, which the operating system does whole, so processes need no lock here; not flushed, because
 * a head lost to a power cut only makes the file older than the log, never wrong.
 */
export function appendHead(path: string, head: TreeHead): void {
  try {
    appendFileSync(path, lineOf(head));
  } catch (error) {
    // A disk that fills up may have taken half of the line; the next one must not continue it.
    mendHeads(path);
    throw fileError(error, path);
  }
}

/** Cuts off what a power cut left of a last line: text without its end, or zeros. Called when a record is opened. */
export function mendHeads(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const fd = openSync(path, "a+");
    try {
      const length = fstatSync(fd).size;
      // A line is at most 147 bytes; zeros may fill a page.
      const tail = Buffer.alloc(Math.min(length, 8192));
      readSync(fd, tail, 0, tail.length, length - tail.length);
      const kept = length - tail.length + tail.lastIndexOf("\n") + 1;
      if (kept < length && (length <= tail.length || tail.includes("\n"))) ftruncateSync(fd, kept);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fileError(error, path);
  }
}
