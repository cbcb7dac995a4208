/**
 * Objects of a bucket as files of a source. Which ones they are is told by their ETag and size, which a listing says: nothing is fetched to
 * find out whether anything changed, and nothing is fetched twice.
 */
import { sha256 } from "../../../base/index.ts";
import { compressionOf, expand, openedName } from "../compressed/expand.ts";
import { inMemory, type ManifestEntry, maxRecordBytes, readWholeRecord, type SourceFile, sourceLines } from "../file.ts";
import type { S3Bucket, S3Object } from "./client.ts";

/** Bytes that tell how a file is compressed. */
const headBytes = 10;

/** The ETag stands for the content; where the store has none, the time of change must. */
const identityOf = ({ etag, sizeBytes, modifiedMs }: S3Object) =>
  sha256(`${etag ? `etag ${etag}` : `modified ${modifiedMs}`}\n${sizeBytes}`);

/** All objects below the prefix, those that a folder would not show (`.name`, `node_modules`) and marks of folders left out. */
export async function s3Objects(bucket: S3Bucket): Promise<ManifestEntry[]> {
  const out: ManifestEntry[] = [];
  for await (const object of bucket.list()) {
    const { path, sizeBytes, etag } = object;
    const isSkipped = path === "" || path.endsWith("/") || path.split("/").some(name => name.startsWith(".") || name === "node_modules");
    if (!isSkipped) out.push({ path, sizeBytes, sha256: identityOf(object), ...(etag ? { etag } : {}) });
  }
  return out;
}

export function s3File(bucket: S3Bucket, entry: ManifestEntry): SourceFile {
  const { path, sizeBytes } = entry;
  const object = { path, sizeBytes, etag: entry.etag ?? "" };
  const pieces = () => expand(bucket.read(object));
  const range = (start: number, end: number) =>
    readWholeRecord(bucket.read(object, start, Math.min(end, sizeBytes)), Number.POSITIVE_INFINITY);
  return {
    ...entry,
    name: openedName(path),
    bytes: () => readWholeRecord(pieces(), Math.max(maxRecordBytes, sizeBytes)),
    pieces,
    lines: () => sourceLines(pieces()),
    async random() {
      if (compressionOf(await range(0, headBytes)) !== undefined) return inMemory(await readWholeRecord(pieces()));
      return { sizeBytes, read: range, close: async () => {} };
    },
  };
}
