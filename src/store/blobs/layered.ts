/** Encrypted blobs over those that were there before the project was encrypted: new ones are encrypted, reads find either, `encryptStore` moves the rest. */
import { isLoamError } from "../../base/index.ts";
import type { BlobStore } from "./blobs.ts";

/** One store of both. */
export function layeredBlobs(sealed: BlobStore, plain: BlobStore): BlobStore {
  const either = async <T>(read: (from: BlobStore) => Promise<T>): Promise<T> => {
    try {
      return await read(sealed);
    } catch (error) {
      if (!isLoamError(error, "store/blobMissing")) throw error;
      return read(plain);
    }
  };
  return {
    place: sealed.place,
    put: data => sealed.put(data),
    read: digest => either(from => from.read(digest)),
    async *stream(digest) {
      yield* ((await sealed.size(digest)) === undefined && (await plain.size(digest)) !== undefined ? plain : sealed).stream(digest);
    },
    size: async digest => (await sealed.size(digest)) ?? plain.size(digest),
    localPath: digest => either(from => from.localPath(digest)),
    async delete(digests) {
      await sealed.delete(digests);
      await plain.delete(digests);
    },
    async *list() {
      yield* sealed.list();
      for await (const blob of plain.list()) if ((await sealed.size(blob.digest)) === undefined) yield blob;
    },
    clean: async () => (await sealed.clean()) + (await plain.clean()),
    async close() {
      await sealed.close();
      await plain.close();
    },
  };
}
