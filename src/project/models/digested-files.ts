/**
 * Model files whose digests are made while they are loaded, so that a start reads the weights once. The digest is over the bytes that the last one who opened
 * a file was given; what nobody read (room between tensors, a tensor that is not used) is read for the digest alone.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { fileError } from "../../base/index.ts";
import type { FilesReader } from "../../nn/index.ts";
import { digestedNames, type FileDigest, fileDigest } from "./paths.ts";

/** Bytes that are read at once of what nobody else reads. */
const restStep = 1 << 20;

/** SHA-256 of a file, of pieces that come in the file's order; a piece from further on is read up to, one from before counts no second time. */
class RunningDigest {
  readonly #path: () => Promise<string>;
  readonly #hash = createHash("sha256");
  #at = 0;

  constructor(path: () => Promise<string>) {
    this.#path = path;
  }

  async add(from: number, bytes: Uint8Array): Promise<void> {
    if (from > this.#at) await this.#read(from);
    if (from + bytes.length <= this.#at) return;
    this.#hash.update(bytes.subarray(this.#at - from));
    this.#at = from + bytes.length;
  }

  async end(): Promise<{ readonly sizeBytes: number; readonly digest: string }> {
    await this.#read(Number.POSITIVE_INFINITY);
    return { sizeBytes: this.#at, digest: this.#hash.digest("hex") };
  }

  /** Up to a place, or to the end. */
  async #read(to: number): Promise<void> {
    const path = await this.#path();
    let file: FileHandle | undefined;
    try {
      file = await open(path, "r");
      const bytes = new Uint8Array(Math.min(restStep, to - this.#at));
      while (this.#at < to) {
        const { bytesRead } = await file.read(bytes, 0, Math.min(bytes.length, to - this.#at), this.#at);
        if (bytesRead === 0) return;
        this.#hash.update(bytes.subarray(0, bytesRead));
        this.#at += bytesRead;
      }
    } catch (error) {
      throw fileError(error, path);
    } finally {
      await file?.close();
    }
  }
}

interface DigestedFiles {
  readonly files: FilesReader;
  /** As `modelDigests` of the same files, once: what was loaded is not read again. Errors: base/missingFile. */
  digests(): Promise<FileDigest[]>;
}

export function digestedFiles(files: FilesReader): DigestedFiles {
  const running = new Map<string, RunningDigest>();
  const wholes = new Map<string, { readonly sizeBytes: number; readonly digest: string }>();
  return {
    files: {
      ...(files.id === undefined ? {} : { id: files.id }),
      get files() {
        return files.files;
      },
      async read(name) {
        const bytes = await files.read(name);
        wholes.set(name, { sizeBytes: bytes.length, digest: createHash("sha256").update(bytes).digest("hex") });
        return bytes;
      },
      localPath: files.localPath,
      opened(name) {
        const digest = new RunningDigest(() => files.localPath(name));
        running.set(name, digest);
        return (from, bytes) => digest.add(from, bytes);
      },
    },
    async digests() {
      const out: FileDigest[] = [];
      for (const name of digestedNames(files)) {
        const digest = wholes.get(name) ?? (await running.get(name)?.end()) ?? (await fileDigest(await files.localPath(name)));
        out.push({ name, ...digest });
      }
      return out;
    },
  };
}
