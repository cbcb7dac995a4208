/**
 * Where a version's files lie: a folder of an HTTP server, or a prefix of an S3-compatible bucket, as requests for a file. S3 requests are signed here (AWS
 * Signature Version 4, "Create a signed AWS API request"; paths encoded once, as S3 has them), since images have no AWS SDK: credentials are
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; without a key requests are unsigned, as public buckets take them.
 */
import { createHmac } from "node:crypto";
import { defined, sha256 } from "../../base/index.ts";
import { wrongArgument } from "../errors.ts";

interface FileRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A request for a file of the address. `name` has slashes between its parts. */
export type FileAddress = (method: "GET" | "HEAD", name: string) => FileRequest;

type Variables = Readonly<Record<string, string | undefined>>;

/** Of `--pull`: an address, not a place in a registry. */
export const isPullAddress = (given: string): boolean => /^(https?|s3):\/\//.test(given);

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const encodedPath = (path: string): string => path.split("/").map(encoded).join("/");

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** The body is empty, and no answer depends on it. */
const payload = "UNSIGNED-PAYLOAD";

function signed(method: string, host: string, path: string, region: string, variables: Variables, nowMs: number): Record<string, string> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = variables;
  if (!id || !secret) return {};
  const at = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "");
  const headers: Record<string, string> = defined({
    "x-amz-content-sha256": payload,
    "x-amz-date": at,
    "x-amz-security-token": token || undefined,
  });
  const named = Object.entries({ host, ...headers }).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = named.map(([name]) => name).join(";");
  const canonical = [method, path, "", ...named.map(([name, value]) => `${name}:${value}`), "", names, payload].join("\n");
  const scope = `${at.slice(0, 8)}/${region}/s3/aws4_request`;
  const key = scope.split("/").reduce<string | Buffer>((k, part) => hmac(k, part), `AWS4${secret}`);
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${at}\n${scope}\n${sha256(canonical)}`).toString("hex");
  return { ...headers, authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names}, Signature=${signature}` };
}

/** Errors: project/argument. */
export function fileAddress(given: string, variables: Variables, place: string): FileAddress {
  const wrong = (expected: string, received: string, hint?: string) => wrongArgument(place, expected, received, hint);
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw wrong("https://HOST/FOLDER or s3://BUCKET/PREFIX", JSON.stringify(given.slice(0, 200)));
  }
  if (url.username || url.password)
    throw wrong("no credentials in the address", "some", "Set LOAM_PULL_TOKEN, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
  const folder = url.pathname.replaceAll(/^\/+|\/+$/g, "");
  const at = (name: string) => [...(folder === "" ? [] : [folder]), encodedPath(name)].join("/");
  if (url.protocol === "s3:") {
    const unknown = [...url.searchParams.keys()].find(k => k !== "endpoint" && k !== "region");
    if (unknown !== undefined) throw wrong('only endpoint and region after the "?"', JSON.stringify(unknown));
    const region = url.searchParams.get("region") ?? variables.AWS_REGION ?? variables.AWS_DEFAULT_REGION ?? "us-east-1";
    const endpoint = new URL(url.searchParams.get("endpoint") ?? variables.AWS_ENDPOINT_URL ?? `https://s3.${region}.amazonaws.com`);
    return (method, name) => {
      const path = `/${encoded(url.hostname)}/${at(name)}`;
      return { url: `${endpoint.origin}${path}`, headers: signed(method, endpoint.host, path, region, variables, Date.now()) };
    };
  }
  if (url.search !== "" || url.hash !== "") throw wrong('an address of a folder, without "?" and "#"', JSON.stringify(given.slice(0, 200)));
  const token = variables.LOAM_PULL_TOKEN;
  return (_, name) => ({ url: `${url.origin}/${at(name)}`, headers: token ? { authorization: `Bearer ${token}` } : {} });
}
