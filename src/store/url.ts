/** The two URLs that choose where the record lives: `sqlite:PATH` or `postgres://...`, `folder:PATH` or `s3://bucket/prefix?endpoint=...`. */
import { isAbsolute, join } from "node:path";
import { nearest } from "../base/index.ts";
import type { S3Place } from "./blobs/s3.ts";
import { storeErrors } from "./errors.ts";

export const defaultRecords = "sqlite:.loam/record.db";
export const defaultBlobs = "folder:.loam/blobs";

export type RecordsPlace =
  | { readonly kind: "sqlite"; readonly path: string }
  /** `schema` holds the tables, so that several projects share one database: `?schema=mail`, "loam" where it is not said. */
  | { readonly kind: "postgres"; readonly url: string; readonly schema: string };
type BlobsPlace = { readonly kind: "folder"; readonly path: string } | ({ readonly kind: "s3" } & S3Place);

const schemeOf = (url: string): string => /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";

const unknownScheme = (url: string, what: string, known: readonly string[], example: string) => {
  const near = nearest(schemeOf(url), known);
  return storeErrors.fail("url", {
    place: `store.${what}`,
    expected: known.map(k => `${k}:`).join(" or "),
    received: `"${url}"`,
    hint: near ? `Did you mean "${near}:"?` : `Try "${example}".`,
  });
};

const parse = (url: string, what: string): URL => {
  try {
    return new URL(url);
  } catch (cause) {
    throw storeErrors.fail("url", { place: `store.${what}`, expected: "a URL", received: `"${url}"`, hint: "Check its spelling." }, cause);
  }
};

const pathIn = (root: string, url: string, what: string): string => {
  const path = url.slice(url.indexOf(":") + 1);
  if (path === "") throw storeErrors.fail("url", { place: `store.${what}`, expected: "a path after the colon", received: `"${url}"` });
  return isAbsolute(path) ? path : join(root, path);
};

const knownKeys = (url: URL, what: string, known: readonly string[]): void => {
  for (const key of url.searchParams.keys())
    if (!known.includes(key)) {
      const near = nearest(key, known);
      throw storeErrors.fail("url", {
        place: `store.${what}`,
        expected: `only ${known.join(", ")} after the "?"`,
        received: `"${key}"`,
        hint: near ? `Did you mean "${near}"?` : "Remove it.",
      });
    }
};

export function recordsPlace(url: string, root: string): RecordsPlace {
  const scheme = schemeOf(url);
  if (scheme === "sqlite") return { kind: "sqlite", path: pathIn(root, url, "records") };
  if (scheme !== "postgres" && scheme !== "postgresql") throw unknownScheme(url, "records", ["sqlite", "postgres"], defaultRecords);
  const parsed = parse(url, "records");
  const schema = parsed.searchParams.get("schema") ?? "loam";
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw storeErrors.fail("url", {
      place: "store.records",
      expected: "a schema of small letters, digits and _",
      received: `"${schema}"`,
      hint: "Try ?schema=loam.",
    });
  parsed.searchParams.delete("schema");
  return { kind: "postgres", url: parsed.href, schema };
}

export function blobsPlace(url: string, root: string): BlobsPlace {
  const scheme = schemeOf(url);
  if (scheme === "folder") return { kind: "folder", path: pathIn(root, url, "blobs") };
  if (scheme !== "s3") throw unknownScheme(url, "blobs", ["folder", "s3"], defaultBlobs);
  const parsed = parse(url, "blobs");
  if (parsed.username || parsed.password)
    throw storeErrors.fail("url", {
      place: "store.blobs",
      expected: "no credentials in the URL",
      received: "some",
      hint: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead.",
    });
  knownKeys(parsed, "blobs", ["endpoint", "region"]);
  if (!parsed.hostname)
    throw storeErrors.fail("url", { place: "store.blobs", expected: "s3://BUCKET", received: `"${url}"`, hint: 'Try "s3://loam/mail".' });
  return {
    kind: "s3",
    bucket: parsed.hostname,
    prefix: parsed.pathname.replaceAll(/^\/+|\/+$/g, ""),
    endpoint: parsed.searchParams.get("endpoint") ?? undefined,
    region: parsed.searchParams.get("region") ?? undefined,
  };
}
