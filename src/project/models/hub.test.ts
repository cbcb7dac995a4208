/** Fetching from a hub, against a small server of the test's own that speaks as Hugging Face's does: lists, redirects, ranges, digests, tokens. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { fetchHubFile, type HubOptions, hubModel, parseHub } from "./hub.ts";

const root = mkdtempSync(join(tmpdir(), "loam-hub-"));
let folders = 0;
const at = () => join(root, `f${folders++}`, "file");
const commit = "0123456789abcdef0123456789abcdef01234567";
const large = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
const files: Readonly<Record<string, Buffer>> = {
  "config.json": Buffer.from('{"model_type":"llama"}'),
  "tokenizer.json": Buffer.from("{}"),
  "model.safetensors": large,
  "pytorch_model.bin": Buffer.from("pickle"),
  ".gitattributes": Buffer.from(""),
};
const sha256 = (b: Buffer) => createHash("sha256").update(b).digest("hex");
const git = (b: Buffer) => createHash("sha1").update(`blob ${b.length}\0`).update(b).digest("hex");
const siblings = (list: Readonly<Record<string, Buffer>>) =>
  Object.entries(list).map(([rfilename, b]) => ({
    rfilename,
    size: b.length,
    blobId: git(b),
    ...(b.length > 1000 ? { lfs: { sha256: sha256(b), size: b.length, pointerSize: 130 } } : {}),
  }));

interface Seen {
  readonly url: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  readonly from: "hub" | "storage";
}
let seen: Seen[] = [];
/** What the server does to the next answers with a file; each is used once. */
let tricks: ((response: ServerResponse, body: Buffer, from: number) => void)[] = [];
let list: unknown;

const note = (request: IncomingMessage, from: Seen["from"]) =>
  seen.push({ url: request.url ?? "", range: request.headers.range, authorization: request.headers.authorization, from });
const hub = createServer((request, response) => {
  note(request, "hub");
  const url = new URL(request.url ?? "", "http://hub");
  if (url.pathname === "/api/models/gated/m/revision/main")
    response.writeHead(request.headers.authorization === "Bearer right" ? 200 : 401);
  else if (!url.pathname.startsWith("/api/models/acme/toy/revision/") && !url.pathname.startsWith("/acme/toy/resolve/")) {
    response.writeHead(404).end();
    return;
  }
  if (url.pathname.startsWith("/api/")) response.end(typeof list === "string" ? list : JSON.stringify(list));
  // large files lie elsewhere, as on the real hub
  else response.writeHead(302, { location: `${storageUrl}/${url.pathname.split("/").slice(5).join("/")}` }).end();
});
const storage = createServer((request, response) => {
  note(request, "storage");
  const body = files[(request.url ?? "").slice(1)]!;
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const trick = tricks.shift();
  if (trick) trick(response, body, from);
  else if (from > 0)
    response.writeHead(206, { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` }).end(body.subarray(from));
  else response.end(body);
});
let hubUrl = "";
let storageUrl = "";
const listen = (server: ReturnType<typeof createServer>) =>
  new Promise<string>(resolve =>
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
  );
beforeAll(async () => {
  [hubUrl, storageUrl] = await Promise.all([listen(hub), listen(storage)]);
});
afterAll(() => {
  for (const s of [hub, storage]) {
    s.closeAllConnections();
    s.close();
  }
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  seen = [];
  tricks = [];
  list = { sha: commit, siblings: siblings(files) };
});
const options = (more: Partial<HubOptions> = {}): HubOptions => ({ endpoint: hubUrl, pauseMs: 1, idleMs: 2000, ...more });
const open = (more: Partial<HubOptions> = {}) => hubModel(parseHub("hf:acme/toy"), options(more));

test("a repository is its safetensors and what belongs to them, at a commit, with the digests that the hub has", async () => {
  const model = await open();
  expect(model.commit).toBe(commit);
  expect(model.files).toEqual([
    { name: "config.json", sizeBytes: 22, digest: `git:${git(files["config.json"]!)}` },
    { name: "tokenizer.json", sizeBytes: 2, digest: `git:${git(files["tokenizer.json"]!)}` },
    { name: "model.safetensors", sizeBytes: large.length, digest: `sha256:${sha256(large)}` },
  ]);
});

test("one GGUF file is taken, of several the one that is named", async () => {
  const gguf = Buffer.from("GGUF");
  list = { sha: commit, siblings: siblings({ "README.md": gguf, "a.Q4.gguf": gguf }) };
  expect((await open()).files.map(f => f.name)).toEqual(["a.Q4.gguf"]);
  list = { sha: commit, siblings: siblings({ "a.Q4.gguf": gguf, "sub/a.Q8.gguf": gguf }) };
  await expect(open()).rejects.toThrow(
    /expected safetensors, or one GGUF model, got 2 GGUF models: a\.Q4\.gguf, .* Name one: hf:acme\/toy:a\.Q4\.gguf/,
  );
  expect((await hubModel(parseHub("hf:acme/toy:sub/a.Q8.gguf"), options())).files.map(f => f.name)).toEqual(["sub/a.Q8.gguf"]);
  const parts = { "big/m-00001-of-00002.gguf": gguf, "big/m-00002-of-00002.gguf": gguf };
  list = { sha: commit, siblings: siblings({ ...parts, "README.md": gguf }) };
  expect((await open()).files.map(f => f.name)).toEqual(Object.keys(parts));
  list = { sha: commit, siblings: siblings({ ...parts, "small.gguf": gguf }) };
  expect((await hubModel(parseHub("hf:acme/toy:big/m-00002-of-00002.gguf"), options())).files.map(f => f.name)).toEqual(Object.keys(parts));
  list = { sha: commit, siblings: siblings({ "../../etc/x.gguf": gguf, "pytorch_model.bin": gguf }) };
  await expect(open()).rejects.toThrow(/got neither\. Pickled weights are not read/);
});

/** Calls back when so much of a file has been kept. */
function whenKept(path: string, bytes: number, then: () => void): void {
  const timer = setInterval(() => {
    if (!existsSync(path) || statSync(path).size < bytes) return;
    clearInterval(timer);
    then();
  }, 5);
}

test("a file comes whole, and again from where it broke off, until it is whole", async () => {
  const model = await open();
  const path = at();
  // breaks off after 100,000 bytes, then after 50,000 more
  const breakOff = (bytes: number) => (response: ServerResponse, body: Buffer, from: number) => {
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": body.length - from,
      "content-range": `bytes ${from}-${body.length - 1}/${body.length}`,
    });
    response.write(body.subarray(from, from + bytes));
    whenKept(path, from + bytes, () => response.destroy());
  };
  tricks = [breakOff(100_000), breakOff(50_000)];
  await fetchHubFile(model, model.files[2]!, path, options());
  expect(readFileSync(path).equals(large)).toBe(true);
  expect(seen.filter(s => s.from === "storage").map(s => s.range)).toEqual([undefined, "bytes=100000-", "bytes=150000-"]);
});

test("what an earlier process has fetched is kept: only the rest is asked for, and a whole file not at all", async () => {
  const model = await open();
  const path = at();
  await fetchHubFile(model, model.files[2]!, path, options());
  writeFileSync(path, large.subarray(0, 12_345));
  seen = [];
  await fetchHubFile(model, model.files[2]!, path, options());
  expect(seen.filter(s => s.from === "storage").map(s => s.range)).toEqual(["bytes=12345-"]);
  expect(readFileSync(path).equals(large)).toBe(true);
  seen = [];
  await fetchHubFile(model, model.files[2]!, path, options());
  expect(seen).toEqual([]);
});

test("a server without ranges sends all again, and that is what is kept", async () => {
  const model = await open();
  const path = at();
  await fetchHubFile(model, model.files[0]!, path, options());
  writeFileSync(path, "wrong beg");
  tricks = [(response, body) => response.writeHead(200).end(body)];
  await fetchHubFile(model, model.files[0]!, path, options());
  expect(readFileSync(path).equals(files["config.json"]!)).toBe(true);
});

test("other bytes than announced are an error, and are not kept; more bytes are stopped", async () => {
  const model = await open();
  for (const name of [0, 2]) {
    const path = at();
    tricks = [(response, body) => response.end(Buffer.alloc(body.length, 1))];
    await expect(fetchHubFile(model, model.files[name]!, path, options())).rejects.toThrow(
      /expected (git|sha256):[0-9a-f]+, got (git|sha256):/,
    );
    expect(existsSync(path)).toBe(false);
  }
  const path = at();
  tricks = [(response, body) => response.end(Buffer.alloc(body.length + 1000, 1))];
  await expect(fetchHubFile(model, model.files[2]!, path, options())).rejects.toThrow(/expected 300000 bytes, got more/);
  expect(statSync(path).size).toBeLessThanOrEqual(large.length);
});

test("the token goes to the hub and to nobody else; who has none, or a wrong one, is told what to do", async () => {
  const model = await open({ token: "right" });
  await fetchHubFile(model, model.files[2]!, at(), options({ token: "right" }));
  expect(new Set(seen.map(s => `${s.from} ${s.authorization}`))).toEqual(new Set(["hub Bearer right", "storage undefined"]));
  const gated = (token?: string) => hubModel(parseHub("hf:gated/m"), options({ token }));
  expect((await gated("right")).files.length).toBe(3);
  await expect(gated()).rejects.toThrow(
    /hf:gated\/m: expected a model that may be read, got 401, no access without a token\. Set HF_TOKEN/,
  );
  const refused = gated("wrong-one");
  await expect(refused).rejects.toThrow(/no access with this token\. Ask for access on the model's page/);
  await expect(refused).rejects.not.toThrow(/wrong-one/);
});

test("a server that falls silent, one that is not there, and one that is no hub are errors of their own", async () => {
  const model = await open();
  tricks = Array.from({ length: 9 }, () => () => {});
  await expect(fetchHubFile(model, model.files[2]!, at(), options({ idleMs: 60 }))).rejects.toThrow(/expected an answer of .*no byte came/);
  tricks = [];
  await expect(open({ endpoint: "http://127.0.0.1:9" })).rejects.toThrow(
    /hf:acme\/toy: expected an answer of http:\/\/127\.0\.0\.1:9, got .*Check the network/,
  );
  await expect(open({ endpoint: "ftp://x" })).rejects.toThrow(/HF_ENDPOINT: expected a URL that begins with http/);
  list = "<html>";
  await expect(open()).rejects.toThrow(/expected JSON, got "<html>"\. Is HF_ENDPOINT a hub\?/);
  list = { sha: "main", siblings: [] };
  await expect(open()).rejects.toThrow(/sha/);
  await expect(hubModel(parseHub("hf:acme/none"), options())).rejects.toThrow(/got 404, not found/);
});

test("being stopped ends a fetch with the reason, and keeps what has come", async () => {
  const model = await open();
  const path = at();
  const stop = new AbortController();
  tricks = [
    (response, body) => {
      response.writeHead(200, { "content-length": body.length });
      response.write(body.subarray(0, 70_000));
      whenKept(path, 70_000, () => stop.abort(new Error("stopped")));
    },
  ];
  await expect(fetchHubFile(model, model.files[2]!, path, options({ signal: stop.signal }))).rejects.toThrow("stopped");
  expect(statSync(path).size).toBe(70_000);
});

test.each([
  "hf:acme",
  "hf:acme/toy/more",
  "hf:../toy",
  "hf:acme/..",
  "hf:acme/toy:../x.gguf",
  "hf:acme/toy@..",
  "hf:a b/c",
  "hf:acme/toy:",
])("%s is refused", text => {
  expect(() => parseHub(text)).toThrow(/expected hf:OWNER\/NAME, with @REVISION or :FILE/);
});
