/** Weights from an address: a real HTTP server that breaks, and a real S3 server (versitygw). */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Watch } from "../src/project/call.ts";
import { fileAddress } from "../src/project/serving/pull-address.ts";
import { checkAddress, pullUrl, readPulledFiles } from "../src/project/serving/pull-url.ts";
import { findVersitygw, startVersitygw } from "../src/store/servers.laws.ts";

const bytesOf = (n: number, seed: number): Buffer => Buffer.from(Array.from({ length: n }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 255));
const content: Readonly<Record<string, Buffer>> = {
  "weights.safetensors": bytesOf(300_000, 1),
  "tokenizer/vocab.json": bytesOf(5_000, 2),
  "empty.txt": Buffer.alloc(0),
};
const sha = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const files = Object.entries(content).map(([name, bytes]) => ({ name, digest: sha(bytes), sizeBytes: bytes.length }));
const weights = files.slice(0, 1);

const watch = (signal = new AbortController().signal): Watch => ({ signal, emit: () => {} });

function folder(): string {
  const at = mkdtempSync(join(tmpdir(), "loam-pull-"));
  onTestFinished(() => rmSync(at, { recursive: true, force: true }));
  return at;
}

interface Seen {
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}
type Answer = (request: IncomingMessage, response: ServerResponse, bytes: Buffer, from: number) => void;

const whole: Answer = (_, response, bytes, from) => {
  const rest = bytes.subarray(from);
  const range = from > 0 ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length, ...range }).end(rest);
};

/** Sends so many bytes and closes the connection. */
const broken =
  (sent: number): Answer =>
  (_, response, bytes, from) => {
    const rest = bytes.subarray(from);
    const range = from > 0 ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length, ...range });
    response.write(rest.subarray(0, sent), () => setTimeout(() => response.destroy(), 20));
  };

async function server(answers: readonly Answer[], stored = content) {
  const seen: Seen[] = [];
  const http = createServer((request, response) => {
    const { range, authorization } = request.headers;
    seen.push({ path: request.url!, range, authorization });
    const bytes = stored[request.url!.replace("/models/mail/", "")];
    if (!bytes) return void response.writeHead(404).end();
    (answers[seen.length - 1] ?? whole)(request, response, bytes, Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0));
  });
  await new Promise<void>(done => http.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { seen, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/models/mail/` };
}

const holds = (at: string): void => {
  for (const [name, bytes] of Object.entries(content)) expect(readFileSync(join(at, name)).equals(bytes), name).toBe(true);
};

test("each file arrives whole, and what lies there with its digest is not asked for again", async () => {
  const at = folder();
  const { url, seen } = await server([]);
  expect(await pullUrl(at, url, files, watch())).toBe(305_000);
  holds(at);
  // nothing is asked for of a file without bytes
  expect(seen.map(s => s.path)).toEqual(["/models/mail/weights.safetensors", "/models/mail/tokenizer/vocab.json"]);
  expect(await pullUrl(at, url, files, watch())).toBe(0);
  expect(seen).toHaveLength(2);
  // one flipped byte: that file alone
  const path = join(at, "tokenizer/vocab.json");
  const flipped = readFileSync(path);
  flipped[7]! ^= 1;
  writeFileSync(path, flipped);
  expect(await pullUrl(at, url, files, watch())).toBe(5_000);
  holds(at);
});

test("a connection that breaks is taken up where it broke, however often, and no byte is sent twice", async () => {
  const at = folder();
  const { url, seen } = await server([broken(70_000), broken(1), broken(100_000)]);
  expect(await pullUrl(at, url, weights, watch())).toBe(300_000);
  expect(sha(readFileSync(join(at, "weights.safetensors")))).toBe(weights[0]!.digest);
  // each goes on where the one before it ended: what was received is all of the file, once
  const starts = seen.map(s => Number(/\d+/.exec(s.range ?? "0")![0]));
  expect(starts).toHaveLength(4);
  expect(starts).toEqual([...new Set(starts)].toSorted((a, b) => a - b));
});

test("a process that was stopped leaves no file under its name, and the next one reads on; a part of other bytes is begun anew", async () => {
  const at = folder();
  const stop = new AbortController();
  const { url, seen } = await server([
    (_, response, bytes) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 120_000), () => setTimeout(() => stop.abort(new Error("stopped")), 200));
    },
  ]);
  await expect(pullUrl(at, url, weights, watch(stop.signal))).rejects.toThrow("stopped");
  expect(readdirSync(at)).toEqual(["weights.safetensors.part"]);
  expect(await pullUrl(at, url, weights, watch())).toBe(180_000);
  expect(seen[1]!.range).toBe("bytes=120000-");
  rmSync(join(at, "weights.safetensors"));
  writeFileSync(join(at, "weights.safetensors.part"), bytesOf(1_000, 9));
  // the rest, then all of it
  expect(await pullUrl(at, url, weights, watch())).toBe(299_000 + 300_000);
  expect(sha(readFileSync(join(at, "weights.safetensors")))).toBe(weights[0]!.digest);
});

test("a server that knows no ranges sends the file again from its start", async () => {
  const at = folder();
  const all: Answer = (request, response, bytes) => whole(request, response, bytes, 0);
  const { url } = await server([broken(70_000), all]);
  expect(await pullUrl(at, url, weights, watch())).toBe(370_000);
  expect(sha(readFileSync(join(at, "weights.safetensors")))).toBe(weights[0]!.digest);
});

test("other bytes than the version's are refused with both digests, and nothing of them stays", async () => {
  const wrong = bytesOf(300_000, 3);
  for (const [stored, said] of [
    [wrong, new RegExp(`expected bytes with the digest ${weights[0]!.digest}, got ${sha(wrong)}`)],
    [bytesOf(300_001, 1), /expected 300000 bytes, got more/],
  ] as const) {
    const at = folder();
    const { url } = await server([], { "weights.safetensors": stored });
    await expect(pullUrl(at, url, weights, watch())).rejects.toThrow(said);
    expect(existsSync(join(at, "weights.safetensors"))).toBe(false);
  }
  const short = await server([], { "weights.safetensors": content["weights.safetensors"]!.subarray(0, 100) });
  await expect(pullUrl(folder(), short.url, weights, watch())).rejects.toThrow(/expected an answer, got it (ended after 100 of|sent HTTP)/);
  await expect(checkAddress(short.url, weights, watch().signal, "--pull-from")).rejects.toThrow(/expected 300000 bytes, got 100/);
});

test("a server that is busy is asked again; one that refuses is told with what to set; a token is sent", async () => {
  vi.stubEnv("LOAM_PULL_TOKEN", "secret");
  onTestFinished(() => void vi.unstubAllEnvs());
  const status =
    (code: number): Answer =>
    (_, response) =>
      void response.writeHead(code).end();
  const at = folder();
  const { url, seen } = await server([status(503), status(429)]);
  expect(await pullUrl(at, url, weights, watch())).toBe(300_000);
  expect(seen.map(s => s.authorization)).toEqual(["Bearer secret", "Bearer secret", "Bearer secret"]);
  const closed = await server([status(403)]);
  await expect(pullUrl(folder(), closed.url, weights, watch())).rejects.toThrow(/expected the file, got HTTP 403\. Set LOAM_PULL_TOKEN/);
  const other = await server([]);
  await expect(pullUrl(folder(), other.url.replace("mail", "other"), weights, watch())).rejects.toThrow(/got HTTP 404\. Upload/);
});

test("an address with credentials, a query or another scheme's options is refused", () => {
  const refused = (given: string) => () => fileAddress(given, {}, "--pull");
  expect(refused("https://ann:secret@example.com/m")).toThrow(/expected no credentials in the address, got some/);
  expect(refused("https://example.com/m?x=1")).toThrow(/without "\?"/);
  expect(refused("s3://bucket/m?zone=1")).toThrow(/only endpoint and region/);
  expect(refused("https://")).toThrow(/expected https:\/\/HOST\/FOLDER/);
});

test("a list of files whose names leave the folder, or without digests, is refused", async () => {
  const path = join(folder(), "pull.json");
  for (const name of ["../evil", "/etc/passwd", "a/../../b", ""]) {
    writeFileSync(path, JSON.stringify({ format: 1, files: [{ ...files[0], name }] }));
    await expect(readPulledFiles(path), name).rejects.toThrow(/name/);
  }
  writeFileSync(path, JSON.stringify({ format: 1, files: [{ name: "a", sizeBytes: 1 }] }));
  await expect(readPulledFiles(path)).rejects.toThrow(/digest/);
});

const found = findVersitygw();
test.skipIf(!found.program)(`a bucket is read with signed requests${found.program ? "" : ` (skipped: ${found.reason})`}`, async () => {
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, "");
  const s3 = await startVersitygw(found.program!);
  onTestFinished(async () => {
    await s3.stop();
    vi.unstubAllEnvs();
  });
  const stored = join(s3.folder, "models", "mail small", "v1");
  for (const [name, bytes] of Object.entries(content)) {
    mkdirSync(join(stored, name, ".."), { recursive: true });
    writeFileSync(join(stored, name), bytes);
  }
  const endpoint = new URL(s3.url("x")).searchParams.get("endpoint")!;
  const url = `s3://models/mail%20small/v1?endpoint=${encodeURIComponent(endpoint)}`;
  const at = folder();
  await checkAddress(url, files, watch().signal, "--pull-from");
  // half of it is there
  writeFileSync(join(at, "weights.safetensors.part"), content["weights.safetensors"]!.subarray(0, 150_000));
  expect(await pullUrl(at, url, files, watch())).toBe(155_000);
  holds(at);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "another");
  await expect(pullUrl(folder(), url, files, watch())).rejects.toThrow(/got HTTP 403[\s\S]*AWS_SECRET_ACCESS_KEY/);
});
