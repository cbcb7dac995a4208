/**
 * The identity of files on a disk: their list with size and SHA-256. Hashing is remembered by path, size and time of change, so that a
 * second look costs one `stat` a file; a file changed within the clock's grain of the last look is hashed again (git's "racy" rule).
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Clock, fileError, sha256, systemClock, writeFileAtomic } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";
import type { ManifestEntry } from "./file.ts";

/** Time stamps of file systems are as coarse as 2 s (FAT). */
const grainMs = 2000;
/** Files up to this size are hashed in one read. */
const wholeBytes = 2 ** 22;

type Memory = Map<string, { readonly sizeBytes: number; readonly changedMs: number; readonly seenMs: number; readonly sha256: string }>;

/** Tab-separated lines `path size changed seen sha256`; a line that does not parse is forgotten. */
function recall(path: string): Memory {
  const memory: Memory = new Map();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return memory;
  }
  for (const line of text.split("\n")) {
    const [file, size, changed, seen, digest] = line.split("\t");
    if (!file || digest?.length !== 64) continue;
    memory.set(file, { sizeBytes: Number(size), changedMs: Number(changed), seenMs: Number(seen), sha256: digest });
  }
  return memory;
}

async function hashFile(path: string, sizeBytes: number): Promise<string> {
  if (sizeBytes <= wholeBytes) return sha256(readFileSync(path));
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}

export interface HashOptions {
  /** A file that remembers hashes between runs; deleting it costs time only. */
  readonly memory?: string | undefined;
  readonly clock?: Clock | undefined;
}

/** Files below `root` with their sizes and hashes. Errors: `data/sourceChanged`. */
export async function hashFiles(root: string, paths: readonly string[], options: HashOptions): Promise<ManifestEntry[]> {
  const clock = options.clock ?? systemClock;
  const known = options.memory ? recall(options.memory) : new Map<never, never>();
  const files: ManifestEntry[] = [];
  const lines: string[] = [];
  const seenKeys = new Set<string>();
  let news = 0;
  for (const path of paths) {
    const full = join(root, path);
    const at = statSync(full, { throwIfNoEntry: false });
    if (!at) throw dataErrors.fail("sourceChanged", { place: full, expected: "the file that was just listed", received: "no file" });
    const key = full.replaceAll(/[\t\n]/g, "?");
    const was = known.get(key);
    const trusted = was && was.sizeBytes === at.size && was.changedMs === at.mtimeMs && was.changedMs < was.seenMs - grainMs;
    let digest = was?.sha256;
    let seen = was?.seenMs;
    if (!trusted) {
      seen = clock.now();
      try {
        digest = await hashFile(full, at.size);
      } catch (error) {
        throw fileError(error, full);
      }
      news++;
    }
    files.push({ path, sizeBytes: at.size, sha256: digest! });
    lines.push(`${key}\t${at.size}\t${at.mtimeMs}\t${seen}\t${digest}\n`);
    seenKeys.add(key);
  }
  // The memory is only a shortcut: where it cannot be kept (a read-only project), the run goes on without.
  const gone = [...known.keys()].some(key => !seenKeys.has(key) && !existsSync(key));
  if (options.memory && (news > 0 || gone)) {
    // Several sources share it: what the others left in it stays, as long as the file is there.
    for (const [key, was] of known as Memory)
      if (!seenKeys.has(key) && existsSync(key)) lines.push(`${key}\t${was.sizeBytes}\t${was.changedMs}\t${was.seenMs}\t${was.sha256}\n`);
    try {
      writeFileAtomic(options.memory, lines.join(""), { durable: false });
    } catch {}
  }
  return files;
}

/** SHA-256 over an origin and its list of files. */
export const identityOf = (origin: string, files: readonly ManifestEntry[]): string =>
  sha256(`${origin}\n${files.map(f => `${f.path}\t${f.sizeBytes}\t${f.sha256}\n`).join("")}`);
