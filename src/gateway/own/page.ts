/**
 * The console's page at a gateway that stands alone: its few files, read once, the same for everybody and so without a key. What the page then asks
 * for needs one. Nothing of a path reaches the file system.
 */
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";

export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** By address. */
export type Page = ReadonlyMap<string, PageFile>;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Styles may stand inline (charts set them); everything else comes from this server only. */
const policy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** What the page is told where nobody can log in: there is a gateway, which knows nobody without a key, and no record behind it. */
export const aloneSession = { gateway: true, record: false, access: "none", csrf: null, demo: null };

/** The files of a built page; undefined where it is not built. */
export async function readPage(folder: string): Promise<Page | undefined> {
  let names: readonly string[];
  try {
    names = await readdir(folder, { recursive: true });
  } catch {
    return undefined;
  }
  const page = new Map<string, PageFile>();
  for (const name of names) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const body = new Uint8Array(await readFile(join(folder, name)));
    const path = `/${name.replaceAll("\\", "/")}`;
    const file = {
      body,
      headers: {
        "content-type": type,
        // names below assets/ hold a hash of what is in them
        "cache-control": path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
        ...(type.startsWith("text/html") ? { "content-security-policy": policy } : {}),
      },
    };
    page.set(path, file);
    if (path === "/index.html") page.set("/", file);
  }
  return page.has("/") ? page : undefined;
}
