/**
 * The console's files from one folder: nothing outside it (links are followed before they are judged), names with a hash are kept for ever,
 * the page itself is asked for each time, and the page may talk to this server alone.
 */
import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import type { AppContext } from "./exchange.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json",
};

/** Styles may stand inline (charts set them); scripts, connections and everything else come from this server only. */
export const contentSecurityPolicy = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** Vite's names of built files: `assets/index-BvJ3kQ0x.js`. */
const hashed = /-[\w-]{8,}\.\w+$/;

/** The file behind a request's path, or undefined. Bytes that are no UTF-8, NUL, and everything that leads out of the folder give none. */
async function fileOf(folder: string, path: string): Promise<string | undefined> {
  let name: string;
  try {
    name = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  if (name.includes("\0") || name.includes("\\")) return undefined;
  try {
    const root = await realpath(folder);
    const file = await realpath(join(root, name.endsWith("/") ? `${name}index.html` : name));
    return file.startsWith(root + sep) && (await stat(file)).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}

/** Answers a GET from the folder. Undefined where there is no such file. */
export async function staticFile(c: AppContext, folder: string): Promise<Response | undefined> {
  const { pathname } = new URL(c.req.url);
  const file = await fileOf(folder, pathname);
  if (!file) return undefined;
  const data = await readFile(file);
  const etag = `"${createHash("sha256").update(data).digest("base64url").slice(0, 27)}"`;
  const type = types[extname(file)] ?? "application/octet-stream";
  const headers = {
    "content-type": type,
    "cache-control": hashed.test(file) ? "public, max-age=31536000, immutable" : "no-cache",
    etag,
    ...(type.startsWith("text/html") ? { "content-security-policy": contentSecurityPolicy } : {}),
  };
  if (c.req.header("if-none-match") === etag) return new Response(null, { status: 304, headers });
  return new Response(new Uint8Array(data), { status: 200, headers });
}
