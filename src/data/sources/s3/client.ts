/**
 * Reads an S3-compatible bucket (AWS, MinIO, Ceph, versitygw, ...): `s3://bucket/prefix?endpoint=...&region=...`. Credentials come from the
 * environment as the AWS SDK finds them. A connection that breaks in the middle of an object is taken up again where it broke, as long as
 * the object is still the same (its ETag is asked for with every byte).
 */
import { GetObjectCommand, ListObjectsV2Command, type ListObjectsV2CommandOutput, S3Client } from "@aws-sdk/client-s3";
import { environment, isLoamError } from "../../../base/index.ts";
import { dataErrors } from "../../errors.ts";
import { BadFile } from "../bad-file.ts";

export interface S3SourcePlace {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
}

export interface S3Object {
  /** Below the prefix. */
  readonly path: string;
  readonly sizeBytes: number;
  /** As the store gives it; some give none for objects that came by another way. */
  readonly etag: string;
  readonly modifiedMs: number;
}

export interface S3Bucket {
  list(): AsyncIterable<S3Object>;
  /** Bytes from `start` to before `end` (to the object's end without it). Errors: `data/sourceChanged`, `data/sourceUnreachable`. */
  read(object: Omit<S3Object, "modifiedMs">, start?: number, end?: number): AsyncGenerator<Buffer>;
  close(): void;
}

/** Tries for one piece of an object, and the pause before the second; it doubles. */
const maxTries = 5;
const pauseMs = 200;

/** Errors: `data/sourceMissing` where it is no such URL or holds credentials. */
export function s3Place(url: string): S3SourcePlace {
  const wrong = (expected: string, received: string, hint?: string) =>
    dataErrors.fail("sourceMissing", { place: "source.s3", expected, received, ...(hint ? { hint } : {}) });
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw wrong("s3://BUCKET/PREFIX", `"${url}"`);
  }
  if (parsed.protocol !== "s3:" || !parsed.hostname) throw wrong("s3://BUCKET/PREFIX", `"${url}"`);
  if (parsed.username || parsed.password)
    throw wrong("no credentials in the URL", "some", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead.");
  const unknown = [...parsed.searchParams.keys()].find(k => k !== "endpoint" && k !== "region");
  if (unknown !== undefined) throw wrong('only endpoint and region after the "?"', `"${unknown}"`);
  return {
    bucket: parsed.hostname,
    prefix: decodeURIComponent(parsed.pathname).replaceAll(/^\/+|\/+$/g, ""),
    endpoint: parsed.searchParams.get("endpoint") ?? undefined,
    region: parsed.searchParams.get("region") ?? undefined,
  };
}

const nameOf = (error: unknown): string => (error as Error)?.name ?? "";
const statusOf = (error: unknown): number | undefined => (error as { $metadata?: { httpStatusCode?: number } })?.$metadata?.httpStatusCode;

export function openBucket(at: S3SourcePlace): S3Bucket {
  const place = `s3://${at.bucket}${at.prefix ? `/${at.prefix}` : ""}`;
  const root = at.prefix ? `${at.prefix}/` : "";
  const client = new S3Client({
    ...(at.endpoint ? { endpoint: at.endpoint } : {}),
    region: at.region ?? environment().AWS_REGION ?? environment().AWS_DEFAULT_REGION ?? "us-east-1",
    forcePathStyle: true,
    maxAttempts: 4,
    // Other stores than Amazon's do not all know the newer checksums.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 120_000 },
  });

  const failure = (error: unknown, path?: string): unknown => {
    if (isLoamError(error)) return error;
    const [name, status] = [nameOf(error), statusOf(error)];
    const where = path === undefined ? place : `${place}/${path}`;
    if (name === "NoSuchBucket")
      return dataErrors.fail(
        "sourceMissing",
        { place: "source.s3", expected: "a bucket", received: `"${at.bucket}"`, hint: "Check its name, the endpoint and the region." },
        error,
      );
    if (path !== undefined && (name === "NoSuchKey" || status === 404 || status === 412))
      return dataErrors.fail(
        "sourceChanged",
        {
          place: where,
          expected: "the object as it was when the run began",
          received: status === 412 ? "another" : "none",
          hint: "Run the same command again; it takes the objects as they are then.",
        },
        error,
      );
    if (name === "InvalidObjectState") return new BadFile("archived", "it must be brought back from the archive first");
    const isUnknown = name === "CredentialsProviderError" || /credential/i.test((error as Error)?.message ?? "");
    const hint = isUnknown
      ? "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where a role gives them."
      : status === 401 || status === 403
        ? "Check the credentials of the environment, and that they may list and read this bucket."
        : "Check the endpoint and that the server runs.";
    const said = (error as Error)?.message || (error as { code?: string })?.code || String(error);
    const received = isUnknown ? "no credentials" : `${name && name !== "Error" ? `${name}: ` : ""}${said}`;
    return dataErrors.fail("sourceUnreachable", { place: where, expected: "an answer from the object store", received, hint }, error);
  };
  /** What another try may mend: a connection that broke, a server that was too busy. */
  const isPassing = (error: unknown) =>
    !isLoamError(error) && (statusOf(error) === undefined || statusOf(error)! >= 500 || statusOf(error) === 429);

  return {
    async *list() {
      for (let ContinuationToken: string | undefined; ; ) {
        let page: ListObjectsV2CommandOutput;
        try {
          page = await client.send(new ListObjectsV2Command({ Bucket: at.bucket, Prefix: root, ContinuationToken }));
        } catch (error) {
          throw failure(error);
        }
        for (const { Key, Size, ETag, LastModified } of page.Contents ?? [])
          if (Key !== undefined)
            yield { path: Key.slice(root.length), sizeBytes: Size ?? 0, etag: ETag ?? "", modifiedMs: LastModified?.getTime() ?? 0 };
        ContinuationToken = page.NextContinuationToken;
        if (!ContinuationToken) return;
      }
    },
    async *read({ path, sizeBytes, etag }, start = 0, end = sizeBytes) {
      let offset = start;
      for (let tries = 1; offset < end; tries++) {
        try {
          const command = new GetObjectCommand({
            Bucket: at.bucket,
            Key: root + path,
            ...(etag ? { IfMatch: etag } : {}),
            ...(offset > 0 || end < sizeBytes ? { Range: `bytes=${offset}-${end - 1}` } : {}),
          });
          const { Body } = await client.send(command);
          for await (const piece of Body as AsyncIterable<Uint8Array>) {
            offset += piece.length;
            tries = 0;
            yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
          }
          if (offset < end) throw new Error(`it ended after ${offset} of ${end} bytes`);
        } catch (error) {
          if (tries >= maxTries || !isPassing(error) || nameOf(error) === "CredentialsProviderError") throw failure(error, path);
          await new Promise(next => setTimeout(next, pauseMs * 2 ** tries));
        }
      }
    },
    close: () => client.destroy(),
  };
}
