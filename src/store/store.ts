/**
 * The record of a project, opened: database, blobs, the file of tree heads and the folders beside them. `commit` is the one way anything
 * is recorded: rows and their log entries in one transaction, then the new tree head in its file.
 */

import { accessSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type Clock, defined, type Json, makeFolder, makePrivateFolder, systemClock } from "../base/index.ts";
import type { LedgerMachine } from "../ledger/index.ts";
import type { BlobStore } from "./blobs/blobs.ts";
import { type BlobCodec, plainCodec, sealedCodec } from "./blobs/codec.ts";
import { folderBlobs } from "./blobs/folder.ts";
import { layeredBlobs } from "./blobs/layered.ts";
import { withSmallBlobs } from "./blobs/small.ts";
import { isPlainDatabase } from "./encryption/database.ts";
import type { KeyRing } from "./encryption/key-ring.ts";
import { type EncryptOptions, ringOfProject } from "./encryption/open-ring.ts";
import { storeErrors } from "./errors.ts";
import type { LogEntry } from "./log/entries.ts";
import { appendHead, mendHeads, type TreeHead } from "./log/heads.ts";
import { appendEntries } from "./log/log.ts";
import { openRecords, type Records, type Writing } from "./records/records.ts";
import { blobsPlace, defaultBlobs, defaultRecords, recordsPlace } from "./url.ts";
import { type WorkName, workFolder } from "./work-folder.ts";

export interface StoreOptions {
  /** The project's folder; relative places are in it, scratch and cache go to `.loam` under it. */
  readonly root: string;
  /** `sqlite:PATH` or `postgres://...`. */
  readonly records?: string | undefined;
  /** `folder:PATH` or `s3://bucket/prefix?endpoint=...`. */
  readonly blobs?: string | undefined;
  /** Encryption at rest. Default: none. */
  readonly encrypt?: EncryptOptions | undefined;
  readonly clock?: Clock | undefined;
  /** What the bits of an artifact may depend on beside its recipe (instruction set, versions); asked once a run, and kept as `environment.json` of its run data. */
  readonly environment?: (() => Json | Promise<Json>) | undefined;
  /** Where runs compute, for their ledgers; asked when a run begins. `measure`: with the machine's peak, for a run that computed. */
  readonly machine?: ((measure: boolean) => Promise<LedgerMachine>) | undefined;
}

export interface Store {
  readonly root: string;
  readonly records: Records;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** Data keys, where the record is encrypted. */
  readonly ring?: KeyRing | undefined;
  /** The record is in a place that cannot be written: it is read as it is, and whatever would write fails with base/readOnly. */
  readonly isReadOnly: boolean;
  readonly environment?: (() => Json | Promise<Json>) | undefined;
  readonly machine?: ((measure: boolean) => Promise<LedgerMachine>) | undefined;
  /** A folder a recipe; see `runner.ts`. */
  readonly scratchFolder: string;
  /** Where a cache lies that may hold text: in `.loam`, or in memory where the record is encrypted. */
  workFolder(name: WorkName): string;
  readonly headsPath: string;
  close(): Promise<void>;
}

/** A record that is there and cannot be written: an auditor's copy, a mounted snapshot. */
function isSnapshot(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    for (const place of [dirname(path), path]) accessSync(place, constants.W_OK);
    return false;
  } catch {
    return true;
  }
}

/** Where local copies of small files go while a record that cannot be written is open. */
const temporaryCache = (): string => mkdtempSync(join(tmpdir(), "loam-cache-"));

/** The files of a record: in the clear, and encrypted where there is a key ring. Errors: url, blobsUnreachable, those of files. */
export async function blobsOf(
  options: StoreOptions,
  isReadOnly: boolean,
  ring: KeyRing | undefined,
  cacheFolder = join(resolve(options.root), ".loam", "cache"),
): Promise<{ readonly plain: BlobStore; readonly sealed?: BlobStore }> {
  const at = blobsPlace(options.blobs ?? defaultBlobs, resolve(options.root));
  const open = async (codec: BlobCodec): Promise<BlobStore> =>
    at.kind === "folder" ? folderBlobs(at.path, { isReadOnly, codec }) : (await import("./blobs/s3.ts")).s3Blobs(at, cacheFolder, codec);
  const plain = await open(plainCodec);
  return ring ? { plain, sealed: await open(sealedCodec(ring)) } : { plain };
}

/** A record whose settings name a key, and whose database is in the clear. */
function needEncrypted(path: string): void {
  if (!isPlainDatabase(path)) return;
  throw storeErrors.fail("keyMissing", {
    place: path,
    expected: "an encrypted database, for loam.yaml has `store.encrypt`",
    received: "a database in the clear",
    hint: "Run `loam keys encrypt`.",
  });
}

/** Opens the record, making what is not there yet; one that cannot be written is opened as it is, see `isReadOnly`. Errors: url, records..., blobs...; readOnly, diskFull (base). */
export async function openStore(options: StoreOptions): Promise<Store> {
  const root = resolve(options.root);
  const clock = options.clock ?? systemClock;
  const recordsAt = recordsPlace(options.records ?? defaultRecords, root);
  const state = join(root, ".loam");
  const scratchFolder = workFolder(root, "scratch", options.encrypt);
  // a database server says itself whether it can be written, and needs no folder
  const remote = recordsAt.kind === "postgres" ? await openRecords(recordsAt, clock) : undefined;
  const isReadOnly = remote?.isReadOnly ?? (recordsAt.kind === "sqlite" && isSnapshot(recordsAt.path));
  const ring = options.encrypt && ringOfProject(options.encrypt, root);
  let large: BlobStore | undefined;
  let records = remote;
  let cacheFolder: string;
  try {
    const key = ring && (await ring.derivedKey("records")).toString("hex");
    if (key && recordsAt.kind === "sqlite") needEncrypted(recordsAt.path);
    if (!isReadOnly) {
      makePrivateFolder(state);
      makeFolder(scratchFolder);
    }
    cacheFolder = isReadOnly ? temporaryCache() : join(state, "cache");
    const { plain, sealed } = await blobsOf(options, isReadOnly, ring, cacheFolder);
    large = sealed ? layeredBlobs(sealed, plain) : plain;
    records ??= await openRecords(recordsAt, clock, isReadOnly, key);
  } catch (error) {
    await large?.close();
    await remote?.close();
    throw error;
  }
  const blobs = withSmallBlobs(records, large, cacheFolder, ring);
  const headsPath = `${records.besidePath ?? join(state, "record")}.heads`;
  if (!isReadOnly) mendHeads(headsPath);
  return {
    root,
    records,
    blobs,
    clock,
    isReadOnly,
    ...defined({ environment: options.environment, machine: options.machine, ring }),
    scratchFolder,
    workFolder: name => workFolder(root, name, options.encrypt),
    headsPath,
    async close() {
      await blobs.close();
      await records.close();
      if (isReadOnly) rmSync(cacheFolder, { recursive: true, force: true });
    },
  };
}

export type Append = (...entries: LogEntry[]) => void;

/**
 * Runs `work` in a transaction (of `inside`, or of its own), appends the entries it names at its end, and after the commit adds the tree
 * head to the file of heads.
 */
export async function commit<T>(
  store: Store,
  work: (t: Writing, append: Append) => Promise<T>,
  inside: (work: (t: Writing) => Promise<T>) => Promise<T> = w => store.records.write(w),
): Promise<T> {
  let head: TreeHead | undefined;
  const result = await inside(async t => {
    const entries: LogEntry[] = [];
    head = undefined;
    const value = await work(t, (...more) => entries.push(...more));
    if (entries.length > 0) head = await appendEntries(t, entries);
    return value;
  });
  if (head) appendHead(store.headsPath, head);
  return result;
}
