/**
 * Uploaded and made files, and batches, in a folder: a JSON file each that says what it is, and its content beside it. What is not whole is not
 * there: contents are written first, under another name. Without a folder of its own it takes a temporary one, which goes with the server.
 */
import { createReadStream, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileError, makePrivateFolder, privateFileMode, readText, writeFileAtomic } from "../../../base/index.ts";
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { newId } from "../exchange.ts";
import { type Caller, mayUse, type Owned } from "../owner.ts";

interface StoredFile extends Owned {
  readonly id: string;
  readonly object: "file";
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly filename: string;
  readonly purpose: string;
  readonly status: "processed";
}

/** Of each owner's files. */
interface FileBounds {
  readonly files: number;
  readonly storedBytes: number;
}

/** Ids are names of files, so nothing else may stand in them. */
const idPattern = /^(file|batch)-[0-9a-f]{32}$/;

export class FileStore {
  readonly #given: string | undefined;
  #folder: string | undefined;

  readonly #bounds: FileBounds;

  constructor(folder?: string, bounds: FileBounds = limits) {
    this.#given = folder;
    this.#bounds = bounds;
  }

  /** Made when it is first needed. */
  get folder(): string {
    if (this.#folder === undefined) {
      this.#folder = this.#given ?? mkdtempSync(join(tmpdir(), "loam-files-"));
      makePrivateFolder(this.#folder);
    }
    return this.#folder;
  }
  /** Whether there is anything to read. */
  get isUsed(): boolean {
    return this.#folder !== undefined || (this.#given !== undefined && existsSync(this.#given));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  #read<T>(id: string): T | undefined {
    if (!idPattern.test(id) || !this.isUsed || !existsSync(this.path(`${id}.json`))) return undefined;
    return JSON.parse(readText(this.path(`${id}.json`))) as T;
  }

  /** Everything of a kind, oldest first. */
  #all<T extends { readonly id: string; readonly created_at: number }>(prefix: string): T[] {
    if (!this.isUsed) return [];
    const ids = readdirSync(this.folder).flatMap(name => (name.startsWith(prefix) && name.endsWith(".json") ? [name.slice(0, -5)] : []));
    return ids.flatMap(id => this.#read<T>(id) ?? []).sort((a, b) => a.created_at - b.created_at || (a.id < b.id ? -1 : 1));
  }

  /** Those that a caller may use, oldest first. */
  list(caller: Caller): StoredFile[] {
    return this.#all<StoredFile>("file-").filter(file => mayUse(caller, file));
  }

  /** `place`: of the id in the request. Errors: serve/unknownFile, also for a file of another owner. */
  get(caller: Caller, id: string, place = "id"): StoredFile {
    const found = this.#read<StoredFile>(id);
    if (found && id.startsWith("file-") && mayUse(caller, found)) return found;
    throw serveErrors.fail("unknownFile", { place, message: `there is no file "${id.slice(0, 60)}"` });
  }

  #describe({ owner = null }: Owned, id: string, filename: string, purpose: string, created_at: number): StoredFile {
    const bytes = statSync(this.path(`${id}.data`)).size;
    const file: StoredFile = { id, object: "file", bytes, created_at, filename, purpose, status: "processed", owner };
    writeFileAtomic(this.path(`${id}.json`), JSON.stringify(file), { mode: privateFileMode });
    return file;
  }

  /** `more`: files and bytes that the owner is to store. Errors: serve/filesFull where the owner's files are too many then or hold too much. */
  checkRoom({ owner = null }: Owned, place: string, more: { readonly files: number; readonly bytes: number }): void {
    const { files, storedBytes } = this.#bounds;
    const own = this.#all<StoredFile>("file-").filter(file => (file.owner ?? null) === owner);
    const stored = own.reduce((n, f) => n + f.bytes, 0);
    if (own.length + more.files <= files && stored + more.bytes <= storedBytes) return;
    throw serveErrors.fail("filesFull", {
      place,
      expected: `at most ${files} files of ${storedBytes} bytes together for each owner`,
      received: `${own.length} files of ${stored} bytes, and ${more.bytes} bytes more`,
      hint: "Delete files that are not needed.",
    });
  }

  /** Errors: serve/filesFull where the owner's files are too many or hold too much, base/diskFull. */
  add(owned: Owned, filename: string, purpose: string, content: Uint8Array, created_at: number): StoredFile {
    this.checkRoom(owned, "file", { files: 1, bytes: content.length });
    const id = newId("file");
    writeFileAtomic(this.path(`${id}.data`), content, { mode: privateFileMode });
    return this.#describe(owned, id, filename, purpose, created_at);
  }

  /** Makes a file of one that was written in the folder. */
  adopt(owned: Owned, name: string, filename: string, purpose: string, created_at: number): StoredFile {
    const id = newId("file");
    try {
      renameSync(this.path(name), this.path(`${id}.data`));
    } catch (error) {
      throw fileError(error, this.path(name));
    }
    return this.#describe(owned, id, filename, purpose, created_at);
  }

  contentPath({ id }: StoredFile): string {
    return this.path(`${id}.data`);
  }
  content(file: StoredFile): ReadableStream<Uint8Array> {
    return Readable.toWeb(createReadStream(this.contentPath(file))) as ReadableStream<Uint8Array>;
  }

  /** Errors: serve/unknownFile. */
  remove(caller: Caller, id: string): void {
    const file = this.get(caller, id);
    rmSync(this.path(`${file.id}.json`), { force: true });
    rmSync(this.path(`${file.id}.data`), { force: true });
  }

  saveBatch(batch: { readonly id: string }): void {
    writeFileAtomic(this.path(`${batch.id}.json`), JSON.stringify(batch), { mode: privateFileMode });
  }
  removeBatch({ id }: { readonly id: string }): void {
    rmSync(this.path(`${id}.json`), { force: true });
  }
  batches<B extends { readonly id: string; readonly created_at: number }>(): B[] {
    return this.#all<B>("batch-");
  }

  /** Takes a temporary folder away. */
  close(): void {
    if (this.#given === undefined && this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}
