/**
 * Small blobs in the record's database, large ones in the folder or bucket behind it. A file in a folder is durable after two flushes of
 * the disk (its bytes, its name) and an artifact of small files would wait for all of them; in the transaction that records the artifact they
 * cost none of their own (docs/measured-training.md has the measurement). Reads look here first, so it does not matter which side a blob is on.
 */
import { existsSync } from "node:fs";
import { sql } from "kysely";
import { sha256 } from "../../base/index.ts";
import type { KeyRing } from "../encryption/key-ring.ts";
import { isSealed, plainSize, sealBytes } from "../encryption/sealed.ts";
import { chunkBytes, type Pieces, wholeBytes } from "../pieces.ts";
import type { Records, Writing } from "../records/records.ts";
import { type BlobStore, damagedBlob } from "./blobs.ts";
import { openRow } from "./codec.ts";
import { folderBlobs } from "./folder.ts";
import { memoryFiles } from "./memory-files.ts";

/** Largest small blob, in bytes: four pages of the database; beyond it a file is read and written faster than a row. */
const smallBytes = 16 * 1024;
/** Most bytes of small blobs that one artifact keeps in memory until it is recorded; the rest go to the folder. */
export const heldBytes = 1024 * 1024;

/** The bytes where the data ends within `smallBytes`; otherwise the same pieces again, none lost. */
export async function smallOrRest(data: Pieces): Promise<{ readonly small: Buffer } | { readonly rest: Pieces }> {
  const whole = wholeBytes(data);
  if (whole) return whole.length <= smallBytes ? { small: Buffer.from(whole) } : { rest: whole };
  const begun: Uint8Array[] = [];
  let length = 0;
  const pieces = (async function* () {
    yield* data as AsyncIterable<string | Uint8Array>;
  })();
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    // A copy: whoever gives the pieces may use their memory again.
    const bytes = Buffer.from(next.value as Uint8Array);
    begun.push(bytes);
    length += bytes.length;
    if (length > smallBytes)
      return {
        rest: (async function* () {
          yield* begun;
          yield* pieces;
        })(),
      };
  }
  return { small: Buffer.concat(begun) };
}

/** Small blobs as their rows hold them: encrypted where a ring is given. Errors: those of the key service. */
export async function blobRows(
  blobs: ReadonlyMap<string, Uint8Array>,
  ring: KeyRing | undefined,
): Promise<ReadonlyMap<string, Uint8Array>> {
  if (!ring || blobs.size === 0) return blobs;
  const key = await ring.newestKey();
  return new Map([...blobs].map(([digest, data]) => [digest, sealBytes(key, data, { id: digest })]));
}

/** Puts rows of small blobs into the transaction that records what they belong to; a damaged one of the same name is replaced. */
export async function insertSmall(t: Writing, blobs: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const rows = [...blobs].map(([digest, data]) => ({ digest, data }));
  for (let i = 0; i < rows.length; i += 500)
    await t
      .insertInto("small_blobs")
      .values(rows.slice(i, i + 500))
      .onConflict(c => c.column("digest").doUpdateSet(e => ({ data: e.ref("excluded.data") })))
      .execute();
}

/** Length and first bytes of a row; SQLite gives null for no bytes. */
const sized = [sql<number>`length(data)`.as("length"), sql<Uint8Array | null>`substr(data, 1, 8)`.as("begin")] as const;

/** Bytes of the plain blob in a row of this length that begins so. */
const rowSize = (length: number, begin: Uint8Array | null): number => (begin && isSealed(begin) ? plainSize(length) : length);

/** One store of both. `cacheFolder` is where `localPath` of a small blob puts it; with a ring, which decrypts rows, it is a file in memory. */
export function withSmallBlobs(records: Records, large: BlobStore, cacheFolder: string, ring?: KeyRing): BlobStore {
  const place = (digest: string) => `${records.place}: small_blobs ${digest}`;
  const find = async (digest: string): Promise<Buffer | undefined> => {
    const row = await records.read.selectFrom("small_blobs").select("data").where("digest", "=", digest).executeTakeFirst();
    if (!row) return undefined;
    const stored = Buffer.from(row.data.buffer, row.data.byteOffset, row.data.byteLength);
    const got = sha256(stored);
    if (got === digest) return stored;
    const data = await openRow(ring, stored, digest, place(digest));
    if (sha256(data) !== digest) throw damagedBlob(digest, got, place(digest));
    return data;
  };
  let cache: Promise<BlobStore> | undefined;
  const inMemory = memoryFiles();
  return {
    place: large.place,
    put: data => large.put(data),
    read: async digest => (await find(digest)) ?? large.read(digest),
    async *stream(digest) {
      const data = await find(digest);
      if (!data) yield* large.stream(digest);
      else for (let at = 0; at < data.length; at += chunkBytes) yield data.subarray(at, at + chunkBytes);
    },
    async size(digest) {
      const row = await records.read.selectFrom("small_blobs").select(sized).where("digest", "=", digest).executeTakeFirst();
      return row ? rowSize(row.length, row.begin) : large.size(digest);
    },
    async localPath(digest) {
      const data = await find(digest);
      if (!data) return large.localPath(digest);
      if (ring)
        return inMemory.path(digest, async function* () {
          yield data;
        });
      cache ??= folderBlobs(cacheFolder);
      await (await cache).put(data);
      return (await cache).localPath(digest);
    },
    async delete(digests) {
      for (let i = 0; i < digests.length; i += 1000)
        await records.write(t =>
          t
            .deleteFrom("small_blobs")
            .where("digest", "in", digests.slice(i, i + 1000))
            .execute(),
        );
      // local copies that any process made
      if (!cache && existsSync(cacheFolder)) cache = folderBlobs(cacheFolder);
      inMemory.forget(digests);
      await (await cache)?.delete(digests);
      await large.delete(digests);
    },
    async *list() {
      const seen = new Set<string>();
      for (let from = ""; ; ) {
        const rows = await records.read
          .selectFrom("small_blobs")
          .select("digest")
          .select(sized)
          .where("digest", ">", from)
          .orderBy("digest")
          .limit(1000)
          .execute();
        for (const row of rows) {
          seen.add(row.digest);
          yield { digest: row.digest, sizeBytes: rowSize(row.length, row.begin) };
        }
        if (rows.length < 1000) break;
        from = rows.at(-1)!.digest;
      }
      for await (const blob of large.list()) if (!seen.has(blob.digest)) yield blob;
    },
    clean: () => large.clean(),
    async close() {
      inMemory.close();
      await (await cache)?.close();
      await large.close();
    },
  };
}
