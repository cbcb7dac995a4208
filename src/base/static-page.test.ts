import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { readStaticPage, staticResponse } from "./static-page.ts";

const root = mkdtempSync(join(tmpdir(), "loam-static-"));
const folder = join(root, "page");
const script = `export const words = ${JSON.stringify("the same words again and again ".repeat(200))};`;
mkdirSync(join(folder, "assets"), { recursive: true });
writeFileSync(join(folder, "index.html"), "<!doctype html><title>Loam</title>");
writeFileSync(join(folder, "assets", "index-BvJ3kQ0x.js"), script);
writeFileSync(join(folder, "assets", "index-BvJ3kQ0x.js.br"), brotliCompressSync(script));
writeFileSync(join(folder, "assets", "index-BvJ3kQ0x.js.gz"), gzipSync(script));
writeFileSync(join(folder, "tiny.svg"), "<svg/>");
writeFileSync(join(folder, "tiny.svg.gz"), gzipSync("<svg/>"));
writeFileSync(join(root, "secret.js"), "secret");
symlinkSync(join(root, "secret.js"), join(folder, "link.js"));
afterAll(() => rmSync(root, { recursive: true }));
const page = (await readStaticPage(folder))!;
const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  staticResponse(page, new Request(`http://localhost${path}`, { headers, method }));
const asset = "/assets/index-BvJ3kQ0x.js";

test.each([
  [undefined, null],
  ["", null],
  ["deflate", null],
  ["gzip", "gzip"],
  ["gzip, deflate, br", "br"],
  ["br;q=0, gzip;q=0.5", "gzip"],
  ["*", "br"],
  ["identity, *;q=0", null],
])("Accept-Encoding %j is answered with %j, and the bytes are the file's", async (accepted, coding) => {
  const response = get(asset, accepted === undefined ? {} : { "accept-encoding": accepted })!;
  expect([response.status, response.headers.get("content-encoding"), response.headers.get("vary")]).toEqual([
    200,
    coding,
    "accept-encoding",
  ]);
  const body = new Uint8Array(await response.arrayBuffer());
  expect(response.headers.get("content-length")).toBe(`${body.length}`);
  const plain = coding === "br" ? brotliDecompressSync(body) : coding === "gzip" ? gunzipSync(body) : Buffer.from(body);
  expect(plain.toString()).toBe(script);
});

test("each form has a tag of its own, and one that the client has is not sent again", async () => {
  const [plain, small] = [get(asset)!, get(asset, { "accept-encoding": "br" })!];
  const tags = [plain, small].map(r => r.headers.get("etag")!);
  expect(new Set(tags).size).toBe(2);
  expect(get(asset, { "if-none-match": tags[0]! })!.status).toBe(304);
  expect(get(asset, { "if-none-match": `"x", W/${tags[1]}`, "accept-encoding": "br" })!.status).toBe(304);
  expect(get(asset, { "if-none-match": tags[1]! })!.status).toBe(200);
  expect(await get(asset, { "if-none-match": tags[0]! })!.text()).toBe("");
});

test("a form that is larger than the file is not sent; HEAD has the headers alone; other methods are nobody's", async () => {
  expect(get("/tiny.svg", { "accept-encoding": "gzip" })!.headers.get("content-encoding")).toBeNull();
  const head = get(asset, {}, "HEAD")!;
  expect([head.headers.get("content-length"), await head.text()]).toEqual([`${script.length}`, ""]);
  expect(get(asset, {}, "POST")).toBeUndefined();
});

test("nothing but the page's own files has an address: no link, no compressed form, no folder, no file beside it", async () => {
  expect([...page.keys()].sort()).toEqual(["/", asset, "/index.html", "/tiny.svg"]);
  for (const path of ["/link.js", `${asset}.br`, "/assets", "/assets/", "/../secret.js", "/%2e%2e/secret.js", "//secret.js"])
    expect(get(path), path).toBeUndefined();
  expect(await readStaticPage(join(root, "nowhere"))).toBeUndefined();
  expect(await readStaticPage(join(folder, "assets"))).toBeUndefined();
});
