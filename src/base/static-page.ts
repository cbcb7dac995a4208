/**
 * A built web page: its few files, read once into memory, with the compressed forms that the build put beside them (`name.br`, `name.gz`). Nothing of
 * a request's path reaches the file system, and links are not followed. Names with a hash are kept by browsers for ever, the others are asked for
 * each time. Sources: RFC 9110, sections 8.8.3 (ETag), 12.5.3 (Accept-Encoding) and 13.1.2 (If-None-Match).
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";

/** Best first: what a browser takes of these is what it gets. */
const codings = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;
type Coding = (typeof codings)[number][0] | "identity";

interface Representation {
  readonly coding: Coding;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

interface PageFile {
  /** Smallest first; the plain one is the last. */
  readonly representations: readonly Representation[];
  readonly headers: Readonly<Record<string, string>>;
}

/** By address: `/`, `/index.html`, `/assets/index-BvJ3kQ0x.js`. */
export type StaticPage = ReadonlyMap<string, PageFile>;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
};

/** Styles may stand inline (charts set them); scripts, connections and everything else come from this server only. */
const contentSecurityPolicy = [
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

const bytesOf = async (path: string): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  try {
    return new Uint8Array(await readFile(path));
  } catch {
    return undefined;
  }
};

async function readPageFile(path: string, type: string): Promise<PageFile | undefined> {
  const plain = await bytesOf(path);
  if (!plain) return undefined;
  const hash = createHash("sha256").update(plain).digest("base64url").slice(0, 27);
  const representations: Representation[] = [];
  for (const [coding, ending] of codings) {
    const body = await bytesOf(`${path}${ending}`);
    if (body && body.length < plain.length) representations.push({ coding, body, etag: `"${hash}-${coding}"` });
  }
  representations.push({ coding: "identity", body: plain, etag: `"${hash}"` });
  const headers = {
    "content-type": type,
    "cache-control": hashed.test(path) ? "public, max-age=31536000, immutable" : "no-cache",
    "x-content-type-options": "nosniff",
    ...(representations.length > 1 ? { vary: "accept-encoding" } : {}),
    ...(type.startsWith("text/html") ? { "content-security-policy": contentSecurityPolicy } : {}),
  };
  return { representations, headers };
}

/** The files of a built page; undefined where it is not built. */
export async function readStaticPage(folder: string): Promise<StaticPage | undefined> {
  const page = new Map<string, PageFile>();
  let entries: Awaited<ReturnType<typeof list>>;
  try {
    entries = await list(folder);
  } catch {
    return undefined;
  }
  for (const path of entries) {
    const type = types[extname(path)];
    const file = type === undefined ? undefined : await readPageFile(path, type);
    if (!file) continue;
    const address = `/${relative(folder, path).replaceAll(sep, "/")}`;
    page.set(address, file);
    if (address === "/index.html") page.set("/", file);
  }
  return page.has("/") ? page : undefined;
}

const list = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter(e => e.isFile()).map(e => join(e.parentPath, e.name));

/** Does a client take a coding? Absent, it takes what is plain. */
function accepts(header: string | null, coding: Coding): boolean {
  const weights = new Map(
    (header ?? "").split(",").map(part => {
      const [name = "", ...parameters] = part.split(";").map(s => s.trim().toLowerCase());
      const q = parameters.find(p => p.startsWith("q="));
      return [name, q === undefined ? 1 : Number(q.slice(2))] as const;
    }),
  );
  return (weights.get(coding) ?? weights.get("*") ?? 0) > 0;
}

const matches = (header: string | null, etag: string): boolean =>
  (header ?? "").split(",").some(tag => tag.trim().replace(/^W\//, "") === etag || tag.trim() === "*");

/** Answers a GET or HEAD of one of the page's addresses, compressed as the client takes it. Undefined where the page has no such file. */
export function staticResponse(page: StaticPage, request: Request): Response | undefined {
  if (request.method !== "GET" && request.method !== "HEAD") return undefined;
  const file = page.get(new URL(request.url).pathname);
  if (!file) return undefined;
  const accepted = request.headers.get("accept-encoding");
  const { coding, body, etag } = file.representations.find(r => r.coding === "identity" || accepts(accepted, r.coding))!;
  const headers = { ...file.headers, etag, ...(coding === "identity" ? {} : { "content-encoding": coding }) };
  if (matches(request.headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers });
  return new Response(request.method === "HEAD" ? null : body, {
    status: 200,
    headers: { ...headers, "content-length": `${body.length}` },
  });
}
