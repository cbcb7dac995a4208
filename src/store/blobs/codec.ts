/**
 * How a folder or bucket writes its blobs: as they are, or encrypted. Names stay digests of the plain bytes, so no identity depends on a key; encrypted blobs
 * have an ending, so the two kinds lie beside each other while a project is encrypted and neither is taken for the other.
 */
import { isLoamError } from "../../base/index.ts";
import type { KeyRing } from "../encryption/key-ring.ts";
import { isSealed, openSealed, openStream, plainSize, readHeader, sealBytes, sealStream } from "../encryption/sealed.ts";
import { storeErrors } from "../errors.ts";
import { damagedBlob } from "./blobs.ts";

/** Ending of an encrypted blob's name. */
export const sealedEnding = ".sealed";

export interface BlobCodec {
  readonly ending: string;
  /** Plain pieces as they are stored; the digest is asked for after the last piece. */
  encode(pieces: AsyncIterable<Uint8Array>, digest: () => string): AsyncIterable<Uint8Array>;
  encodeBytes(bytes: Uint8Array, digest: string): Promise<Uint8Array>;
  /** Errors: blobDamaged; keyMissing, keyDestroyed, keyWrong, keyService. */
  decode(pieces: AsyncIterable<Buffer>, digest: string, place: string): AsyncIterable<Buffer>;
  plainSize(storedBytes: number): number;
}

/** Blobs as they are. */
export const plainCodec: BlobCodec = {
  ending: "",
  encode: pieces => pieces,
  encodeBytes: async bytes => bytes,
  decode: pieces => pieces,
  plainSize: bytes => bytes,
};

/** Bytes that do not authenticate are a damaged blob. */
const asDamage = (error: unknown, digest: string, place: string): unknown =>
  isLoamError(error, "store/sealDamaged") ? damagedBlob(digest, error.problem.received ?? "other bytes", place) : error;

/** Blobs encrypted with the ring's newest key of the project; each is bound to its digest. */
export const sealedCodec = (ring: KeyRing): BlobCodec => ({
  ending: sealedEnding,
  async *encode(pieces, digest) {
    yield* sealStream(await ring.newestKey(), pieces, { id: digest });
  },
  encodeBytes: async (bytes, digest) => sealBytes(await ring.newestKey(), bytes, { id: digest }),
  async *decode(pieces, digest, place) {
    try {
      yield* openStream(pieces, id => ring.keyOf(id), { id: digest });
    } catch (error) {
      throw asDamage(error, digest, place);
    }
  },
  plainSize,
});

/** A small blob's row, decrypted where it is encrypted. Errors: those of `decode`; keyMissing where no ring is open. */
export async function openRow(ring: KeyRing | undefined, data: Buffer, digest: string, place: string): Promise<Buffer> {
  if (!isSealed(data)) return data;
  if (!ring) throw encryptedBlob(digest, place);
  try {
    return openSealed(await ring.keyOf(readHeader(data, digest).keyId), data, { id: digest });
  } catch (error) {
    throw asDamage(error, digest, place);
  }
}

/** A blob that is there, encrypted, in a project that names no key. */
export const encryptedBlob = (digest: string, place: string) =>
  storeErrors.fail("keyMissing", {
    place,
    expected: `blob ${digest} in the clear`,
    received: "an encrypted blob, and no `store.encrypt` in loam.yaml",
    hint: "Add `store: { encrypt: { key: ... } }` as it was when the project was encrypted.",
  });
