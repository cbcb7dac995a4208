import { join } from "node:path";
import { expect, test } from "vitest";
import { isLoamError } from "../base/index.ts";
import { blobsPlace, recordsPlace } from "./url.ts";

const root = join("/", "home", "project");
const sentence = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (isLoamError(error, "store/url")) return error.message;
    throw error;
  }
  return "no error";
};

test("a relative path is in the project, an absolute one is itself", () => {
  expect(recordsPlace("sqlite:.loam/record.db", root)).toEqual({ kind: "sqlite", path: join(root, ".loam", "record.db") });
  expect(recordsPlace("sqlite:/data/record.db", root)).toEqual({ kind: "sqlite", path: "/data/record.db" });
  expect(blobsPlace("folder:blobs", root)).toEqual({ kind: "folder", path: join(root, "blobs") });
});

test("a PostgreSQL URL keeps what is the server's and gives up the schema, which is ours", () => {
  const at = recordsPlace("postgresql://me:pw@db.example:5433/loam?sslmode=require&schema=mail", root);
  expect(at).toEqual({ kind: "postgres", url: "postgresql://me:pw@db.example:5433/loam?sslmode=require", schema: "mail" });
  expect(recordsPlace("postgres://db/loam", root)).toMatchObject({ schema: "loam" });
});

test("an S3 URL is bucket, prefix, endpoint and region", () => {
  expect(blobsPlace("s3://models/team/mail/?endpoint=http://127.0.0.1:7070&region=eu-1", root)).toEqual({
    kind: "s3",
    bucket: "models",
    prefix: "team/mail",
    endpoint: "http://127.0.0.1:7070",
    region: "eu-1",
  });
  expect(blobsPlace("s3://models", root)).toMatchObject({ bucket: "models", prefix: "", endpoint: undefined });
});

test("what is not a place is refused with what it should be, and no password is repeated", () => {
  expect(sentence(() => recordsPlace("sqlit:record.db", root))).toMatch(
    /store\.records: expected sqlite: or postgres:.*Did you mean "sqlite:"/,
  );
  expect(sentence(() => recordsPlace("record.db", root))).toMatch(/expected sqlite: or postgres:, got "record.db"/);
  expect(sentence(() => recordsPlace("sqlite:", root))).toMatch(/a path after the colon/);
  expect(sentence(() => recordsPlace("postgres://db/x?schema=a;drop", root))).toMatch(/got "a;drop"/);
  expect(sentence(() => blobsPlace("minio://x", root))).toMatch(/expected folder: or s3:/);
  expect(sentence(() => blobsPlace("s3://x?endpont=http://a", root))).toMatch(/Did you mean "endpoint"/);
  expect(sentence(() => blobsPlace("s3:///prefix", root))).toMatch(/expected s3:\/\/BUCKET/);
  const withKey = sentence(() => blobsPlace("s3://key:very-secret@bucket", root));
  expect(withKey).toMatch(/AWS_ACCESS_KEY_ID/);
  expect(withKey).not.toMatch(/very-secret/);
});
