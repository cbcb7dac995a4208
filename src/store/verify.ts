/**
 * Recomputes everything the record claims: the log's leaves, roots and chain of heads; the file of heads against the log; every row of the
 * tables against the entry that recorded it; every file of a kept artifact by its length, or by its bytes on request. Names what does not
 * fit; mends nothing. `runs` and `locks` say what is going on and are not covered.
 */
import { isLoamError, type Progress, silent } from "../base/index.ts";
import { expectRows } from "./check-rows.ts";
import { type Finding, type Findings, gatherFindings } from "./findings.ts";
import { checkLog } from "./log/check-log.ts";
import type { TreeHead } from "./log/heads.ts";
import { emptyHead } from "./log/log.ts";
import type { Store } from "./store.ts";

export interface Verification {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** Findings beyond the ones listed. */
  readonly moreFindings: number;
  /** Log entries, artifacts and model versions read. */
  readonly entries: number;
  readonly artifacts: number;
  readonly versions: number;
  /** Blobs looked at, and whether their bytes were read. */
  readonly blobs: number;
  readonly contentRead: boolean;
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
  const db = store.records.read;
  const progress = options.progress ?? silent;
  const findings = gatherFindings();
  const expected = expectRows(db, findings);
  let head: TreeHead = emptyHead;
  let blobs = 0;
  try {
    for (const line of await store.records.integrity()) findings.add("database", "sound pages and indexes", line);
    head = await checkLog(db, {
      headsPath: store.headsPath,
      headsAreAll: store.records.besidePath !== undefined,
      findings,
      async onEntries(entries) {
        options.signal?.throwIfAborted();
        await expected.take(entries);
        progress({ stage: "verify", message: `${expected.artifacts.size} artifacts in the log` });
      },
    });
    await expected.finish();
    blobs = await checkBlobs(store, expected.blobs(), findings, options);
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
    artifacts: expected.artifacts.size,
    versions: expected.versions,
    blobs,
    contentRead: options.content ?? false,
    head,
  };
}

async function checkBlobs(
  store: Store,
  blobs: ReturnType<ReturnType<typeof expectRows>["blobs"]>,
  findings: Findings,
  options: VerifyOptions,
): Promise<number> {
  let count = 0;
  for (const [digest, { sizeBytes, artifact, name }] of blobs) {
    options.signal?.throwIfAborted();
    const place = `blob ${digest} (${artifact}: ${name})`;
    const size = await store.blobs.size(digest);
    if (size !== sizeBytes) findings.add(place, `${sizeBytes} bytes`, size === undefined ? "no such blob" : `${size} bytes`);
    else if (options.content)
      try {
        for await (const _ of store.blobs.stream(digest));
      } catch (error) {
        if (!isLoamError(error, "store/blobDamaged")) throw error;
        findings.add(place, "bytes that hash to its name", error.problem.received ?? error.message);
      }
    count++;
    if (count % 100 === 0) options.progress?.({ stage: "verify", done: count / blobs.size, message: `${count} of ${blobs.size} files` });
  }
  return count;
}
