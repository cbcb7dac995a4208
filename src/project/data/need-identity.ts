/**
 * What a step's needs are made of, as digests for the recipe: a file's SHA-256, a version's artifact digest, a model folder's files. Hashes of
 * large files are remembered by size and time of change, so that a second look costs one `stat`.
 */
import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { fileError, hashOf, writeFileAtomic } from "../../base/index.ts";
import { dataErrors } from "../../data/index.ts";

/** Files that decide what a folder's vectors are, where they are there; `*.safetensors` besides. */
const embedderFiles = [
  "config.json",
  "tokenizer.json",
  "modules.json",
  "sentence_bert_config.json",
  "1_Pooling/config.json",
  "model.safetensors.index.json",
] as const;

/** Time stamps of file systems are as coarse as 2 s (FAT); what changed just now may change again under the same stamp. */
const grainMs = 2000;

interface Remembered {
  readonly sizeBytes: number;
  readonly changedMs: number;
  readonly sha256: string;
}

/** SHA-256 of files, remembered in a file of JSON; losing it costs time only. */
export class FileHashes {
  private readonly known = new Map<string, Remembered>();
  private readonly memory: string | undefined;

  constructor(memory?: string) {
    this.memory = memory;
    if (memory === undefined) return;
    try {
      const rows: unknown = JSON.parse(readFileSync(memory, "utf8"));
      for (const [path, row] of Object.entries(rows as Record<string, Remembered>))
        if (typeof row?.sizeBytes === "number" && typeof row.changedMs === "number" && /^[0-9a-f]{64}$/.test(row.sha256))
          this.known.set(path, row);
    } catch {
      // Nothing is known then.
    }
  }

  /** Errors: base/missingFile and the like. */
  async of(path: string): Promise<string> {
    try {
      const { size, mtimeMs } = statSync(path);
      const known = this.known.get(path);
      if (known && known.sizeBytes === size && known.changedMs === mtimeMs) return known.sha256;
      const hash = createHash("sha256");
      for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
      const sha256 = hash.digest("hex");
      if (Date.now() - mtimeMs > grainMs) {
        this.known.set(path, { sizeBytes: size, changedMs: mtimeMs, sha256 });
        this.keep();
      }
      return sha256;
    } catch (error) {
      throw fileError(error, path);
    }
  }

  private keep(): void {
    if (this.memory === undefined) return;
    // Only a shortcut: where it cannot be kept, the run goes on without.
    try {
      writeFileAtomic(this.memory, `${JSON.stringify(Object.fromEntries(this.known))}\n`, { durable: false });
    } catch {}
  }
}

/** A path below the project's folder; one that leads out of it is refused. */
export function pathBelow(folder: string, path: string): string {
  const plain = posix.normalize(path.replaceAll("\\", "/"));
  if (
    plain === "." ||
    plain.startsWith("../") ||
    plain === ".." ||
    posix.isAbsolute(plain) ||
    /^[a-z]:/i.test(plain) ||
    plain.includes("\0")
  )
    throw dataErrors.fail("resource", { place: JSON.stringify(path), expected: "a path below the project's folder", received: "another" });
  return join(folder, plain);
}

/** Identity of a folder of weights: its files' names and digests. Errors: data/resource. */
export async function modelFolderIdentity(folder: string, hashes: FileHashes): Promise<string> {
  let present: string[];
  try {
    const weights = readdirSync(folder).filter(name => name.endsWith(".safetensors"));
    present = [...embedderFiles.filter(name => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile()), ...weights].sort();
  } catch {
    present = [];
  }
  if (present.length === 0)
    throw dataErrors.fail("resource", {
      place: folder,
      expected: "a folder with config.json, tokenizer.json and model.safetensors",
      received: "none",
      hint: "Check the path; it is taken from the project's folder.",
    });
  const files: [string, string][] = [];
  for (const name of present) files.push([name, await hashes.of(join(folder, name))]);
  return hashOf(files);
}
