/**
 * Where the bytes of artifacts lie: a set of immutable blobs named by their SHA-256. Whole or absent, durable when `put` returns, and
 * checked against their name whenever they are read. Implementations: a folder (`folder.ts`), an S3-compatible store (`s3.ts`), small ones in the
 * database before either (`small.ts`); one suite (`blobs.laws.ts`) runs on all. Who may remove a blob is not decided here (`gc.ts`).
 */
import { createHash } from "node:crypto";
import { storeErrors } from "../errors.ts";
import type { Pieces } from "../pieces.ts";

export interface BlobInfo {
  /** SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface BlobStore {
  /** For sentences: a folder's path or a bucket's URL, without credentials. */
  readonly place: string;
  /** Stores bytes or a stream with bounded memory; a blob that is there already is kept, a damaged one is replaced. */
  put(data: Pieces): Promise<BlobInfo>;
  /** The whole blob, verified. Errors: blobMissing, blobDamaged. */
  read(digest: string): Promise<Buffer>;
  /** The blob in pieces; throws after the last piece when they do not match the digest, so use nothing before the end. */
  stream(digest: string): AsyncIterable<Buffer>;
  /** Bytes, or undefined where there is no such blob. Looks at no content. */
  size(digest: string): Promise<number | undefined>;
  /** Path of a local file that holds the verified blob; the file must not be changed. */
  localPath(digest: string): Promise<string>;
  /** Those that are not there are passed over. */
  delete(digests: readonly string[]): Promise<void>;
  list(): AsyncIterable<BlobInfo>;
  /** Removes what dead processes left half-written; answers how many files. */
  clean(): Promise<number>;
  close(): Promise<void>;
}

export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

export const missingBlob = (digest: string, place: string, cause?: unknown) =>
  storeErrors.fail(
    "blobMissing",
    {
      place,
      expected: `blob ${digest}`,
      received: "nothing under that name",
      hint: "Run the stage that made it again: it is rebuilt when its files are gone.",
    },
    cause,
  );

export const damagedBlob = (digest: string, received: string, place: string) =>
  storeErrors.fail("blobDamaged", {
    place,
    expected: `bytes with SHA-256 ${digest}`,
    received,
    hint: "The file was changed or the disk is failing. Remove it and run the stage that made it again, or restore it from a copy.",
  });

/** Passes pieces through and throws at the end unless they hash to `digest`. */
export async function* verified(pieces: AsyncIterable<Buffer>, digest: string, place: string): AsyncIterable<Buffer> {
  const hash = createHash("sha256");
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
  const got = hash.digest("hex");
  if (got !== digest) throw damagedBlob(digest, got, place);
}

export async function readPieces(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
