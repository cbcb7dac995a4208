/**
 * AWS Signature Version 4 as the side that checks it: what a request says of its signature, the canonical request, the string to sign, the signature
 * (AWS, "Create a signed AWS API request"; paths are normalised and encoded twice, as everywhere but in S3). Only in the header `Authorization`:
 * signatures in a URL are logged with it. No chunked bodies with signatures of their own, no session tokens.
 */

import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { SignedWire } from "./contract.ts";
import type { Sigv4 } from "./sigv4-part.ts";

export const algorithm = "AWS4-HMAC-SHA256";
const terminator = "aws4_request";
const unsigned = "UNSIGNED-PAYLOAD";

/** What a request says of its signature. */
export interface SigV4Signature {
  readonly accessKeyId: string;
  /** `20150830T123600Z`. */
  readonly at: string;
  readonly region: string;
  readonly service: string;
  /** Names in small letters, sorted. */
  readonly headers: readonly string[];
  readonly bytes: Buffer;
  /** SHA-256 of the body in hex, `UNSIGNED-PAYLOAD`, or not said: then what came is hashed. */
  readonly payload: string | undefined;
}

export const sha256Hex = (data: string | Uint8Array): string => hash("sha256", data, "hex");
const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();

/** Values of a header in the order in which they came. */
function valuesOf({ rawHeaders }: SignedWire, name: string): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) if (rawHeaders[i]!.toLowerCase() === name) found.push(rawHeaders[i + 1]!);
  return found;
}

const namesIn = ({ rawHeaders }: SignedWire): string[] => rawHeaders.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase());

/** The characters that AWS leaves as they are: letters, digits, - _ . ~ */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function canonicalPath(path: string): string {
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") kept.pop();
    else if (part !== "." && part !== "") kept.push(encoded(part));
  }
  return `/${kept.join("/")}${kept.length > 0 && path.endsWith("/") ? "/" : ""}`;
}

const byWords = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** By name, then by value, each decoded and encoded again. Throws URIError at what is no UTF-8. */
const canonicalQuery = (query: string): string =>
  query
    .split("&")
    .filter(part => part !== "")
    .map(part => {
      const cut = part.indexOf("=");
      const [name, value] = cut < 0 ? [part, ""] : [part.slice(0, cut), part.slice(cut + 1)];
      return [encoded(decodeURIComponent(name)), encoded(decodeURIComponent(value))] as const;
    })
    .sort(([a, x], [b, y]) => byWords(a, b) || byWords(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");

function isDecodable(query: string): boolean {
  try {
    canonicalQuery(query);
    return true;
  } catch {
    return false;
  }
}

const pathOf = ({ target }: SignedWire): string => target.split("?", 1)[0]!;
const queryOf = (wire: SignedWire): string => wire.target.slice(pathOf(wire).length + 1);

/** Throws URIError at a query that is no UTF-8. */
export function canonicalRequest(wire: SignedWire, headers: readonly string[], payload: string): string {
  const lines = headers.map(name => {
    const values = valuesOf(wire, name).map(value => value.replace(/[ \t]+/g, " ").replace(/^ | $/g, ""));
    return `${name}:${values.join(",")}\n`;
  });
  return [wire.method, canonicalPath(pathOf(wire)), canonicalQuery(queryOf(wire)), lines.join(""), headers.join(";"), payload].join("\n");
}

/** 32 bytes; `request` as `canonicalRequest` writes it. */
function signatureOf({ at, region, service }: Pick<SigV4Signature, "at" | "region" | "service">, request: string, secret: string): Buffer {
  const day = at.slice(0, 8);
  const text = [algorithm, at, `${day}/${region}/${service}/${terminator}`, sha256Hex(request)].join("\n");
  return hmac(hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), terminator), text);
}

/** In constant time. */
export const isSignedWith = (signature: SigV4Signature, request: string, secret: string): boolean =>
  timingSafeEqual(signatureOf(signature, request, secret), signature.bytes);

/** `20150830T123600Z` in milliseconds; NaN where it is none. */
const msOf = (at: string): number =>
  /^\d{8}T\d{6}Z$/.test(at) ? Date.parse(at.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z")) : Number.NaN;

function timeOf(wire: SignedWire): { readonly header: string; readonly at: string } | undefined {
  const [own, ...more] = valuesOf(wire, "x-amz-date");
  if (own !== undefined) return more.length === 0 ? { header: "x-amz-date", at: own } : undefined;
  const [date, ...dates] = valuesOf(wire, "date");
  if (date === undefined || dates.length > 0) return undefined;
  const ms = Number.isNaN(msOf(date)) ? Date.parse(date) : msOf(date);
  if (Number.isNaN(ms)) return undefined;
  return { header: "date", at: new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "") };
}

/** The header's parts, each once; undefined where it is not that. */
function partsOf(authorization: string): Record<"Credential" | "SignedHeaders" | "Signature", string> | undefined {
  const [, rest] = /^AWS4-HMAC-SHA256 +(.*)$/.exec(authorization) ?? [];
  const found = new Map<string, string>();
  const parts = rest?.split(",") ?? [];
  for (const part of parts) {
    const cut = part.indexOf("=");
    found.set(part.slice(0, cut).trim(), part.slice(cut + 1).trim());
  }
  const [Credential, SignedHeaders, Signature] = ["Credential", "SignedHeaders", "Signature"].map(name => found.get(name));
  if (parts.length !== 3 || Credential === undefined || SignedHeaders === undefined || Signature === undefined) return undefined;
  return { Credential, SignedHeaders, Signature };
}

/** Headers that change what is done, so that nobody on the way may: the time and the body's hash are among AWS's own. */
const mustBeSigned = (name: string): boolean => name === "host" || name.startsWith("x-amz-") || name.startsWith("x-loam-");

/** What a request says of its signature, checked as far as that can be done without its secret; otherwise why it is not good, for the log. */
export function readSignature(wire: SignedWire, rules: Sigv4, nowMs: number): SigV4Signature | string {
  const [authorization, ...others] = valuesOf(wire, "authorization");
  const parts = authorization === undefined || others.length > 0 ? undefined : partsOf(authorization);
  if (!parts) return "an Authorization header that is not one signature";
  const [accessKeyId = "", day, region = "", service = "", end, ...more] = parts.Credential.split("/");
  if (end !== terminator || more.length > 0) return "a signature whose credential is not KEY/DAY/REGION/SERVICE/aws4_request";
  if (!/^[0-9a-f]{64}$/.test(parts.Signature)) return "a signature that is not 64 digits";
  const headers = parts.SignedHeaders.split(";");
  const isSorted = headers.every((name, i) => name === name.toLowerCase() && (i === 0 || headers[i - 1]! < name));
  if (!isSorted) return "signed headers that are not sorted, in small letters and each once";
  const there = new Set(namesIn(wire));
  const absent = headers.find(name => !there.has(name));
  if (absent !== undefined) return "a signed header that is not there";
  if (valuesOf(wire, "host").length !== 1) return "not one Host header";
  const open = [...there].find(name => mustBeSigned(name) && !headers.includes(name));
  if (open !== undefined) return `the header ${open.slice(0, 60)} is not signed`;
  if (there.has("x-amz-security-token")) return "a session token, of which there are none here";
  const time = timeOf(wire);
  const atMs = msOf(time?.at ?? "");
  if (!time || Number.isNaN(atMs)) return "no time, or none that can be read";
  if (!headers.includes(time.header)) return `the header ${time.header} is not signed`;
  if (time.at.slice(0, 8) !== day) return "a signature of another day than the request's";
  if (!rules.regions.includes(region)) return "a signature for another region";
  if (!rules.services.includes(service)) return "a signature for another service";
  if (Math.abs(nowMs - atMs) > rules.clockSkew) return `a request of ${time.at}, too far from now`;
  const [payload, ...payloads] = valuesOf(wire, "x-amz-content-sha256");
  if (payloads.length > 0) return "two hashes of the body";
  if (payload === unsigned && rules.unsignedPayload === "refused") return "a body that is not signed";
  if (payload !== undefined && payload !== unsigned && !/^[0-9a-f]{64}$/.test(payload)) return "a body's hash that is none";
  // + is a space to who reads queries and a + to who signs them
  if (!wire.target.startsWith("/") || queryOf(wire).includes("+")) return "an address that can be read in two ways";
  if (!isDecodable(queryOf(wire))) return "a query that cannot be decoded";
  return { accessKeyId, at: time.at, region, service, headers, bytes: Buffer.from(parts.Signature, "hex"), payload };
}

/** Whether any body may go with it. */
export const isUnsigned = (payload: string): boolean => payload === unsigned;
