/**
 * Recomputes everything the record claims: the log's leaves, roots and chain of heads; the file of heads against the log; every row of the
 * tables against the entry that recorded it; every file of a kept artifact by its length, or by its bytes on request. Names what does not
 * fit; mends nothing. `runs`, `locks` and `projects` say what is going on and are not covered.
 */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { isLoamError, type Progress, silent } from "../base/index.ts";
import { type ExpectedBlob, expectRows } from "./check-rows.ts";
import { type Findings, gatherFindings, type StoreFinding } from "./findings.ts";
import { checkLog } from "./log/check-log.ts";
import type { TreeHead } from "./log/heads.ts";
import { emptyHead } from "./log/log.ts";
import { isList } from "./members.ts";
import type { Store } from "./store.ts";

export interface Verification {
  readonly ok: boolean;
  readonly findings: readonly StoreFinding[];
  /** Findings beyond the ones listed. */
  readonly moreFindings: number;
  /** Log entries, artifacts and model versions read. */
  readonly entries: number;
  readonly artifacts: number;
  readonly versions: number;
  /** Blobs looked at, and whether their bytes were read. */
  readonly blobs: number;
  readonly contentRead: boolean;
  /** Tables and places of the project's state that the log does not prove: working data, caches, measurements. */
  readonly notCovered: readonly string[];
  /** Keep it elsewhere or publish it: any later log can be held against it. */
  readonly head: TreeHead;
}

export interface VerifyOptions {
  /** Reads every blob and compares its digest; otherwise only its length is looked at. */
  readonly content?: boolean | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Verifies the whole record. Errors: recordsUnreachable, blobsUnreachable; damage is a finding, not an error. */
export async function verify(store: Store, options: VerifyOptions = {}): Promise<Verification> {
  const progress = options.progress ?? silent;
  const findings = gatherFindings();
  let head: TreeHead = emptyHead;
  let counts = { artifacts: 0, versions: 0, blobs: 0 };
  try {
    for (const line of await store.records.integrity()) findings.add("database", "sound pages and indexes", line);
    const blobs = await store.records.snapshot(async db => {
      const expected = expectRows(db, findings);
      head = await checkLog(db, {
        headsPath: store.headsPath,
        headsAreAll: store.records.besidePath !== undefined,
        findings,
        async onEntries(entries) {
          options.signal?.throwIfAborted();
          await expected.take(entries);
          counts = { artifacts: expected.artifacts.size, versions: expected.versions, blobs: 0 };
          progress({ stage: "verify", message: `${expected.artifacts.size} artifacts in the log` });
        },
      });
      await expected.finish();
      return expected.blobs();
    });
    counts.blobs = await checkBlobs(store, blobs, findings, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    const corrupt = isLoamError(error, "store/recordsCorrupt");
    // A database that cannot be read to its end is a finding, as is what stumbles over rows already found wrong; all else is an error.
    if (!corrupt && (isLoamError(error) || findings.list.length === 0)) throw error;
    findings.add("database", "rows that can be read to the end", (error as Error).message);
  }
  return {
    ok: findings.list.length === 0,
    findings: findings.list,
    moreFindings: findings.more(),
    entries: head.size,
    ...counts,
    contentRead: options.content ?? false,
    notCovered: await notCovered(store),
    head,
  };
}

/** Tables of what goes on, and of what was measured; see `records/schema.ts`. */
const workingTables = ["jobs", "locks", "projects", "run_data", "runs", "studies", "tasks", "trials"] as const;

/** What is there beside the record that it does not prove. */
async function notCovered(store: Store): Promise<string[]> {
  const state = join(store.root, ".loam");
  const own = [basename(store.headsPath), basename(store.records.besidePath ?? "record"), "blobs"];
  const entries = await readdir(state, { withFileTypes: true }).catch(() => []);
  const others = entries
    .filter(e => !own.some(name => e.name === name || e.name === `${name}-wal` || e.name === `${name}-shm`))
    .map(e => `.loam/${e.name}${e.isDirectory() ? "/" : ""}`);
  return [...workingTables.map(t => `table ${t}`), ...others.sort()];
}

/** Blobs looked at together: an object store answers each after milliseconds. */
const together = 16;

async function checkBlobs(
  store: Store,
  blobs: ReadonlyMap<string, ExpectedBlob>,
  findings: Findings,
  options: VerifyOptions,
): Promise<number> {
  const all = [...blobs];
  const checkOne = async ([digest, { sizeBytes, artifact, name }]: (typeof all)[number]): Promise<void> => {
    const wrong = await whatIsWrong(store, digest, sizeBytes, options.content ?? false);
    if (!wrong) return;
    // gc may have given it up since the snapshot.
    const now = await store.records.read.selectFrom("artifacts").select("released_ms").where("id", "=", artifact).executeTakeFirst();
    if (typeof now?.released_ms === "number" && !isList(name)) return;
    findings.add(`blob ${digest} (${artifact}: ${name})`, `${sizeBytes} bytes that hash to its name`, wrong);
  };
  for (let i = 0; i < all.length; i += together) {
    options.signal?.throwIfAborted();
    await Promise.all(all.slice(i, i + together).map(checkOne));
    if (i % (64 * together) === 0) options.progress?.({ stage: "verify", done: i / all.length, message: `${i} of ${all.length} files` });
  }
  return all.length;
}

async function whatIsWrong(store: Store, digest: string, sizeBytes: number, content: boolean): Promise<string | undefined> {
  const size = await store.blobs.size(digest);
  if (size !== sizeBytes) return size === undefined ? "no such blob" : `${size} bytes`;
  if (!content) return undefined;
  try {
    for await (const _ of store.blobs.stream(digest));
    return undefined;
  } catch (error) {
    if (!isLoamError(error, "store/blobDamaged")) throw error;
    return error.problem.received ?? error.message;
  }
}
