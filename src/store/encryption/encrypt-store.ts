/** Encrypts a record that was begun without: its database in place, its small blobs, its files. Ends where it can go on after a crash: each part is whole. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../base/index.ts";
import { blobRows, insertSmall } from "../blobs/small.ts";
import { storeErrors } from "../errors.ts";
import { blobsOf, openStore, type StoreOptions } from "../store.ts";
import { defaultRecords, recordsPlace } from "../url.ts";
import type { WorkName } from "../work-folder.ts";
import { isPlainDatabase } from "./database.ts";
import { ringOfProject } from "./open-ring.ts";
import { isSealed } from "./sealed.ts";

const clearCaches: readonly WorkName[] = ["scratch", "kept", "answers", "teachers", "effects", "cache"];

export interface EncryptedStore {
  /** The database was in the clear. */
  readonly database: boolean;
  readonly smallBlobs: number;
  readonly blobs: number;
  readonly sizeBytes: number;
}

/** Encrypts the rest of a record whose settings name a key. No other process may use the record. Errors: those of the store; input without a key. */
export async function encryptStore(options: StoreOptions): Promise<EncryptedStore> {
  if (!options.encrypt)
    throw storeErrors.fail("input", {
      place: "store.encrypt",
      expected: "the place of a key",
      received: "nothing",
      hint: "Add `store: { encrypt: { key: ... } }` to loam.yaml.",
    });
  const at = recordsPlace(options.records ?? defaultRecords, options.root);
  const ring = ringOfProject(options.encrypt, options.root);
  const database = at.kind === "sqlite" && isPlainDatabase(at.path);
  if (at.kind === "sqlite" && database) {
    const key = await ring.derivedKey("records");
    (await import("../records/sqlite.ts")).encryptSqlite(at.path, key.toString("hex"));
  }
  // caches of before lie in the clear; they only save time
  for (const name of options.encrypt.work === "disk" ? [] : clearCaches)
    rmSync(join(options.root, ".loam", name), { recursive: true, force: true });
  const store = await openStore(options);
  try {
    const rows = await store.records.read.selectFrom("small_blobs").selectAll().execute();
    const plainRows = new Map(rows.filter(r => !isSealed(r.data) || sha256(r.data) === r.digest).map(r => [r.digest, r.data]));
    const sealedRows = await blobRows(plainRows, ring);
    if (sealedRows.size > 0) await store.records.write(t => insertSmall(t, sealedRows));
    let [blobs, sizeBytes] = [0, 0];
    const { sealed, plain } = await blobsOf(options, store.isReadOnly, ring);
    if (sealed)
      for await (const { digest, sizeBytes: n } of plain.list()) {
        await sealed.put(plain.stream(digest));
        await plain.delete([digest]);
        blobs++;
        sizeBytes += n;
      }
    await sealed?.close();
    await plain.close();
    return { database, smallBlobs: sealedRows.size, blobs, sizeBytes };
  } finally {
    await store.close();
  }
}
