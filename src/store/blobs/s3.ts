/**
 * Blobs in an S3-compatible object store (AWS, MinIO, Ceph, versitygw, ...): `s3://bucket/prefix?endpoint=...&region=...`, keys
 * `prefix/ab/abcdef...`. A blob is spooled into the cache folder while it is hashed (its key is its digest), then uploaded, large ones in
 * parts. An object store shows whole objects only, so nothing half-written is ever seen. `localPath` reads through the same cache folder.
 * Credentials come from the environment as the AWS SDK finds them; they are never part of the URL.
 */
import { createReadStream, type ReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { isLoamError, sha256 } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import { wholeBytes } from "../pieces.ts";
import { type BlobStore, damagedBlob, isDigest, missingBlob, readPieces, verified } from "./blobs.ts";
import { type BlobCodec, plainCodec } from "./codec.ts";
import { folderBlobs } from "./folder.ts";

/** Bytes of a part: S3 asks for at least 5 MiB and allows 10,000 parts, so this reaches 160 GB. */
const partBytes = 16 * 1024 * 1024;
/** An upload in parts that is older than this has no living writer. */
const staleUploadMs = 7 * 86_400_000;

export interface S3Place {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

const statusOf = (error: unknown): number | undefined => (error as { $metadata?: { httpStatusCode?: number } })?.$metadata?.httpStatusCode;

/** Opens a bucket; `cacheFolder` keeps local copies. Errors: blobsUnreachable. */
export async function s3Blobs(at: S3Place, cacheFolder: string, codec: BlobCodec = plainCodec): Promise<BlobStore> {
  const place = `s3://${at.bucket}${at.prefix ? `/${at.prefix}` : ""}`;
  const cache = await folderBlobs(cacheFolder, { codec });
  const client = new S3Client({
    ...(at.endpoint ? { endpoint: at.endpoint } : {}),
    region: at.region ?? process.env.AWS_REGION ?? "us-east-1",
    forcePathStyle: true,
    maxAttempts: 4,
    // Other stores than Amazon's do not all know the newer checksums; every blob is checked against its SHA-256 here anyway.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 120_000 },
  });
  const root = at.prefix ? `${at.prefix}/` : "";
  const object = (digest: string) => ({ Bucket: at.bucket, Key: `${root}${digest.slice(0, 2)}/${digest}${codec.ending}` });

  const failure = (error: unknown, digest?: string): unknown => {
    if (isLoamError(error)) return error;
    const name = (error as Error)?.name ?? "";
    if (digest && (name === "NoSuchKey" || name === "NotFound")) return missingBlob(digest, place, error);
    const status = statusOf(error);
    const hint =
      name === "NoSuchBucket"
        ? "Make the bucket first, or correct its name."
        : status === 401 || status === 403
          ? "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do in this bucket."
          : "Check the endpoint and that the server runs.";
    const received = name === "Error" || name === "" ? String((error as Error)?.message ?? error) : `${name}: ${(error as Error).message}`;
    return storeErrors.fail("blobsUnreachable", { place, expected: "an answer from the object store", received, hint }, error);
  };

  const ask = async <T>(answer: Promise<T>, digest?: string): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      throw failure(error, digest);
    }
  };

  const size = async (digest: string): Promise<number | undefined> => {
    try {
      const { ContentLength } = await client.send(new HeadObjectCommand(object(digest)));
      return ContentLength === undefined ? undefined : codec.plainSize(ContentLength);
    } catch (error) {
      // An answer to HEAD has no body, so a missing bucket and a missing key look alike; `list` tells them apart.
      if (statusOf(error) === 404) return undefined;
      throw failure(error);
    }
  };

  const uploadParts = async (digest: string, path: string, sizeBytes: number): Promise<void> => {
    const { UploadId } = await ask(client.send(new CreateMultipartUploadCommand(object(digest))));
    const handle = await open(path, "r");
    try {
      const Parts: { ETag: string | undefined; PartNumber: number }[] = [];
      for (let from = 0; from < sizeBytes; from += partBytes) {
        const Body = Buffer.allocUnsafe(Math.min(partBytes, sizeBytes - from));
        for (let got = 0; got < Body.length; ) got += (await handle.read(Body, got, Body.length - got, from + got)).bytesRead;
        const PartNumber = Parts.length + 1;
        const { ETag } = await ask(client.send(new UploadPartCommand({ ...object(digest), UploadId, PartNumber, Body })));
        Parts.push({ ETag, PartNumber });
      }
      await ask(client.send(new CompleteMultipartUploadCommand({ ...object(digest), UploadId, MultipartUpload: { Parts } })));
    } catch (error) {
      await client.send(new AbortMultipartUploadCommand({ ...object(digest), UploadId })).catch(() => undefined);
      throw error;
    } finally {
      await handle.close();
    }
  };

  async function* raw(digest: string): AsyncIterable<Buffer> {
    const answer = await ask(client.send(new GetObjectCommand(object(digest))), digest);
    try {
      for await (const piece of answer.Body as AsyncIterable<Uint8Array>)
        yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    } catch (error) {
      throw failure(error, digest);
    }
  }
  const stream = (digest: string): AsyncIterable<Buffer> => verified(codec.decode(raw(digest), digest, place), digest, place);

  const upload = async (Body: Uint8Array | ReadStream, digest: string, storedBytes: number): Promise<void> => {
    // The store checks the bytes on arrival where it knows this header; encrypted ones are authenticated when they are read.
    const checksum = codec.ending === "" ? { ChecksumSHA256: Buffer.from(digest, "hex").toString("base64") } : {};
    await ask(client.send(new PutObjectCommand({ ...object(digest), Body, ContentLength: storedBytes, ...checksum })));
  };

  return {
    place,
    stream,
    size,
    // Uploads even what the store holds already: that costs little beside making it, and mends a blob that was damaged there.
    async put(data) {
      const whole = wholeBytes(data);
      if (whole && whole.length <= partBytes) {
        const info = { digest: sha256(whole), sizeBytes: whole.length };
        const stored = await codec.encodeBytes(whole, info.digest);
        await upload(stored, info.digest, stored.length);
        return info;
      }
      const info = await cache.put(data);
      const path = cache.storedPath(info.digest);
      const storedBytes = (await stat(path)).size;
      if (storedBytes > partBytes) await uploadParts(info.digest, path, storedBytes);
      else await upload(createReadStream(path), info.digest, storedBytes);
      const arrived = await size(info.digest);
      if (arrived !== info.sizeBytes) throw damagedBlob(info.digest, `${arrived ?? 0} of ${info.sizeBytes} bytes after the upload`, place);
      return info;
    },
    read: digest => readPieces(stream(digest)),
    async localPath(digest) {
      const sizeBytes = await cache.size(digest);
      if (sizeBytes !== undefined)
        try {
          return await cache.localPath(digest);
        } catch (error) {
          // A damaged copy is only a copy: fetch it again.
          if (!isLoamError(error, "store/blobDamaged")) throw error;
          await cache.delete([digest]);
        }
      await cache.put(stream(digest));
      return cache.localPath(digest);
    },
    async delete(digests) {
      await cache.delete(digests);
      for (const digest of digests) await ask(client.send(new DeleteObjectCommand(object(digest))));
    },
    async *list() {
      for (let ContinuationToken: string | undefined; ; ) {
        const page: ListObjectsV2CommandOutput = await ask(
          client.send(new ListObjectsV2Command({ Bucket: at.bucket, Prefix: root, ContinuationToken })),
        );
        for (const { Key, Size } of page.Contents ?? []) {
          const name = Key!.slice(Key!.lastIndexOf("/") + 1);
          const digest = name.slice(0, 64);
          if (isDigest(digest) && name === digest + codec.ending) yield { digest, sizeBytes: codec.plainSize(Size ?? 0) };
        }
        ContinuationToken = page.NextContinuationToken;
        if (!ContinuationToken) return;
      }
    },
    async clean() {
      let removed = await cache.clean();
      const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket: at.bucket, Prefix: root })).catch(() => undefined);
      for (const { Key, UploadId, Initiated } of uploads?.Uploads ?? [])
        if (Initiated && Date.now() - Initiated.getTime() > staleUploadMs) {
          await client.send(new AbortMultipartUploadCommand({ Bucket: at.bucket, Key, UploadId })).catch(() => undefined);
          removed++;
        }
      return removed;
    },
    async close() {
      client.destroy();
      await cache.close();
    },
  };
}
