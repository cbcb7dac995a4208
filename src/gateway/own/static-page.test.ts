/** The console's page at a gateway that stands alone. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readStaticPage } from "../../base/index.ts";
import { testGateway } from "../fakes.ts";

test("the page's files need no key, what it asks for does, and no path leads out of it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "loam-page-"));
  await mkdir(join(folder, "page", "assets"), { recursive: true });
  await writeFile(join(folder, "secret.html"), "no");
  await writeFile(join(folder, "page", "index.html"), "<p>hello</p>");
  await writeFile(join(folder, "page", "notes.txt"), "no part of it");
  const script = "export const words = 1;".repeat(100);
  await writeFile(join(folder, "page", "assets", "index-abcdefgh.js"), script);
  await writeFile(join(folder, "page", "assets", "index-abcdefgh.js.gz"), gzipSync(script));
  const page = await readStaticPage(join(folder, "page"));
  const gateway = await testGateway(
    { upstreams: { local: { url: "http://127.0.0.1:9/v1" } }, models: { mail: { targets: [{ upstream: "local" }] } } },
    { page: page! },
  );
  try {
    const get = (path: string, key?: string) =>
      fetch(`${gateway.url}${path}`, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } });
    const first = await get("/");
    expect(await first.text()).toBe("<p>hello</p>");
    expect(first.headers.get("content-security-policy")).toContain("default-src 'self'");
    const asset = await get("/assets/index-abcdefgh.js");
    expect([asset.headers.get("content-type"), asset.headers.get("cache-control")]).toEqual([
      "text/javascript; charset=utf-8",
      "public, max-age=31536000, immutable",
    ]);
    // fetch takes gzip, and undoes it
    expect([asset.headers.get("content-encoding"), await asset.text()]).toEqual(["gzip", script]);
    const headers = { "if-none-match": asset.headers.get("etag")!, "accept-encoding": "gzip" };
    expect((await fetch(`${gateway.url}/assets/index-abcdefgh.js`, { headers })).status).toBe(304);
    expect(await (await get("/api/session")).json()).toEqual({ gateway: true, record: false, access: "none", csrf: null, demo: null });
    for (const path of ["/../secret.html", "/%2e%2e/secret.html", "/assets/..%2f..%2fsecret.html", "/notes.txt", "/assets/"])
      expect([path, (await get(path)).status]).toEqual([path, path.includes("%2f") ? 400 : 404]);
    expect((await get("/gateway/state")).status).toBe(401);
    expect((await get("/gateway/state", gateway.key)).status).toBe(200);
    expect(await readStaticPage(join(folder, "nowhere"))).toBeUndefined();
  } finally {
    await gateway.close();
    await rm(folder, { recursive: true });
  }
});
