/**
 * Blobs in a folder: `ab/abcdef...` under the root, two hex digits of shard so that a folder stays small. A blob is written to `tmp/`,
 * flushed, renamed into place, and its folder flushed; a name in a shard is therefore always a whole blob. Names in `tmp/` carry their
 * owner, so what a killed process left is recognised and removed, and nothing ever reads it. With a codec that encrypts, names have an ending and
 * `localPath` gives a file in memory (`memory-files.ts`).
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError, sha256 } from "../../base/index.ts";
import { ownerOfTag, ownerState, ownerTag, thisOwner } from "../owner.ts";
import { bytesOfPieces, chunkBytes, type Pieces, wholeBytes } from "../pieces.ts";
import { type BlobInfo, type BlobStore, isDigest, missingBlob, readPieces, verified } from "./blobs.ts";
import { type BlobCodec, encryptedBlob, plainCodec, sealedEnding } from "./codec.ts";
import { memoryFiles } from "./memory-files.ts";

const code = (error: unknown): string | undefined => (error as NodeJS.ErrnoException)?.code;

/** fsync of a folder; Windows has no such call. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes pieces as the codec stores them; the digest and the size are those of the plain bytes. */
async function writeChunks(handle: FileHandle, data: Pieces, codec: BlobCodec): Promise<BlobInfo> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  let digest: string | undefined;
  const named = () => (digest ??= hash.digest("hex"));
  const hashed = (async function* () {
    for await (const chunk of bytesOfPieces(data)) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      yield chunk;
    }
  })();
  for await (const chunk of codec.encode(hashed, named))
    for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten;
  return { digest: named(), sizeBytes };
}

let counter = 0;

/** Blobs in a folder. */
interface FolderBlobs extends BlobStore {
  /** The file that holds the blob as it is stored. */
  storedPath(digest: string): string;
}

/** Opens (and makes) a folder of blobs; one that is read only is left as it is. Errors: readOnly, diskFull, io (base). */
export async function folderBlobs(
  folder: string,
  { isReadOnly = false, codec = plainCodec }: { readonly isReadOnly?: boolean; readonly codec?: BlobCodec } = {},
): Promise<FolderBlobs> {
  const temporary = join(folder, "tmp");
  const shards = new Set<string>();
  const pathOf = (digest: string): string => join(folder, digest.slice(0, 2), digest + codec.ending);
  const isPlain = codec.ending === "";
  const inMemory = memoryFiles();
  /** Files this process has verified, by what a change of content would change; saves hashing a model again for each reader. */
  const seen = new Map<string, string>();

  const shardOf = async (digest: string): Promise<string> => {
    const shard = join(folder, digest.slice(0, 2));
    if (!shards.has(shard)) {
      if ((await mkdir(shard, { recursive: true })) !== undefined) await flushFolder(folder);
      shards.add(shard);
    }
    return shard;
  };

  /** The handle's bytes become the blob `digest`. Renaming over a blob of the same name heals one that was damaged. */
  const place = async (part: string, digest: string): Promise<void> => {
    const shard = await shardOf(digest);
    await rename(part, join(shard, digest + codec.ending));
    await flushFolder(shard);
  };

  const write = async (data: Pieces): Promise<BlobInfo> => {
    const part = join(temporary, `${ownerTag(thisOwner())}-${counter++}.part`);
    // Read-only, so that a slip of the hand changes no blob. Windows would then refuse to rename over it.
    const handle = await open(part, "wx", process.platform === "win32" ? 0o644 : 0o444);
    try {
      let info: BlobInfo;
      try {
        info = await writeChunks(handle, data, codec);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await place(part, info.digest);
      return info;
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  };

  const isWhole = async (digest: string, bytes: Uint8Array): Promise<boolean> => {
    const there = await (isPlain ? readFile(pathOf(digest)) : readPieces(stream(digest))).catch(() => undefined);
    return there?.equals(bytes) ?? false;
  };

  const fingerprint = async (digest: string): Promise<string> => {
    const s = await stat(pathOf(digest), { bigint: true });
    return `${s.ino}/${s.size}/${s.mtimeNs}/${s.ctimeNs}`;
  };

  const missing = (digest: string, error: unknown) =>
    isPlain && existsSync(pathOf(digest) + sealedEnding) ? encryptedBlob(digest, folder) : missingBlob(digest, folder, error);
  const stream = (digest: string): AsyncIterable<Buffer> =>
    verified(codec.decode(raw(digest), digest, pathOf(digest)), digest, pathOf(digest));
  async function* raw(digest: string): AsyncIterable<Buffer> {
    try {
      yield* createReadStream(pathOf(digest), { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>;
    } catch (error) {
      throw code(error) === "ENOENT" ? missing(digest, error) : fileError(error, pathOf(digest));
    }
  }

  const clean = async (): Promise<number> => {
    let removed = 0;
    for (const name of await readdir(temporary)) {
      const owner = ownerOfTag(name);
      const path = join(temporary, name);
      // Of another machine's files only age can tell; a week is longer than any single file takes to write.
      const old = async () => Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs > 7 * 86_400_000;
      const state = owner ? ownerState(owner) : "unknown";
      if (state === "dead" || (state === "unknown" && (await old()))) {
        await rm(path, { force: true });
        removed++;
      }
    }
    return removed;
  };

  try {
    if (!isReadOnly) {
      await mkdir(temporary, { recursive: true });
      await clean();
    }
  } catch (error) {
    throw fileError(error, folder);
  }

  return {
    place: folder,
    stream,
    clean,
    async put(data) {
      try {
        const whole = wholeBytes(data);
        if (whole) {
          const digest = sha256(whole);
          if (await isWhole(digest, whole)) return { digest, sizeBytes: whole.length };
        }
        return await write(data);
      } catch (error) {
        // Errors of the stream that feeds us are the feeder's; only the disk's become errors of files.
        throw code(error) === undefined ? error : fileError(error, folder);
      }
    },
    storedPath: pathOf,
    read: digest => readPieces(stream(digest)),
    async size(digest) {
      const s = await stat(pathOf(digest)).catch(error => {
        if (code(error) === "ENOENT" || code(error) === "ENOTDIR") return undefined;
        throw fileError(error, pathOf(digest));
      });
      return s && codec.plainSize(s.size);
    },
    async localPath(digest) {
      if (!isPlain) return inMemory.path(digest, () => stream(digest));
      const before = await fingerprint(digest).catch(() => undefined);
      if (before === undefined || seen.get(digest) !== before) {
        for await (const _ of stream(digest));
        if (before !== undefined) seen.set(digest, before);
      }
      return pathOf(digest);
    },
    async delete(digests) {
      inMemory.forget(digests);
      for (const digest of digests)
        try {
          seen.delete(digest);
          await rm(pathOf(digest), { force: true });
        } catch (error) {
          throw fileError(error, pathOf(digest));
        }
    },
    async *list() {
      for (const shard of (await readdir(folder)).filter(name => /^[0-9a-f]{2}$/.test(name)).sort())
        for (const name of (await readdir(join(folder, shard))).sort()) {
          const digest = name.slice(0, 64);
          if (!isDigest(digest) || name !== digest + codec.ending) continue;
          const s = await stat(pathOf(digest)).catch(() => undefined);
          if (s) yield { digest, sizeBytes: codec.plainSize(s.size) };
        }
    },
    async close() {
      inMemory.close();
    },
  };
}
