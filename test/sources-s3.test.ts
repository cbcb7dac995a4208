/** A bucket as a source, on a real S3 server (versitygw): listed by ETag, read as a stream, taken up again where a connection broke. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { manifestOf } from "../src/data/sources/manifest.ts";
import { openSource, sourceRecords } from "../src/data/sources/open.ts";
import { type SourceOptions, sourceOptions } from "../src/data/sources/options.ts";
import type { ReadRecord } from "../src/data/sources/source.ts";
import { findVersitygw, startVersitygw } from "../src/store/servers.laws.ts";

const found = findVersitygw();
const folder = mkdtempSync(join(tmpdir(), "loam-sources-s3-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(options: SourceOptions): Promise<ReadRecord[]> {
  const { files } = await manifestOf(options, { folder });
  const open = await openSource(options, folder);
  const out: ReadRecord[] = [];
  try {
    for (const entry of files) for await (const r of sourceRecords(open, options, entry)) out.push(r);
  } finally {
    await open.close();
  }
  return out;
}

const lines = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => `${JSON.stringify({ text: `Line ${from + i} of the file.` })}\n`).join("");
const table = (n: number) =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [{ name: "text", data: Array.from({ length: n }, (_, i) => `Row ${i} of the table.`), type: "STRING" }],
      rowGroupSize: 100,
    }),
  );
const files: Readonly<Record<string, string | Buffer>> = {
  "x/a.jsonl": lines(50),
  "x/b.jsonl.gz": gzipSync(lines(50, 50)),
  "x/deep/c.jsonl": lines(1, 100),
  "x/empty.jsonl": "",
  "x/.hidden/d.jsonl": lines(1, 999),
  "x/t.parquet": table(250),
  "x/notes/n.txt": "a note",
  "other/z.jsonl": lines(1, 1000),
};

describe.skipIf(!found.program)(`a bucket${found.program ? "" : ` (skipped: ${found.reason})`}`, () => {
  let server: Awaited<ReturnType<typeof startVersitygw>>;
  let endpoint = "";
  let client: S3Client;
  const put = async (Key: string, Body: string | Buffer) => void (await client.send(new PutObjectCommand({ Bucket: "corpus", Key, Body })));
  const source = (more: object, at = endpoint, place = "corpus/x") =>
    sourceOptions.parse({ s3: `s3://${place}?endpoint=${encodeURIComponent(at)}`, ...more });

  beforeAll(async () => {
    server = await startVersitygw(found.program!);
    endpoint = decodeURIComponent(/endpoint=(.*)$/.exec(server.url("corpus"))![1]!);
    client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: "corpus" }));
    for (const [path, content] of Object.entries(files)) await put(path, content);
    for (const [path, content] of Object.entries(files)) {
      const full = join(folder, "local", path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content);
    }
  });
  afterAll(async () => {
    client?.destroy();
    await server?.stop();
  });

  test("every reader reads objects as it reads files: pieces, lines, packed ones, here and there", async () => {
    for (const reader of ["jsonl", "parquet", "text"]) {
      const local = await read(sourceOptions.parse({ folder: "local/x", reader }));
      expect(local.length, reader).toBeGreaterThan(0);
      expect(await read(source({ reader })), reader).toEqual(local);
    }
    const some = await read(source({ reader: "jsonl", files: "deep/*.jsonl" }));
    expect(some).toMatchObject([{ text: "Line 100 of the file.", place: "deep/c.jsonl:1" }]);
  });

  test("the identity is the listing's: no object is fetched for it, a changed one changes it", async () => {
    const options = source({ reader: "jsonl" });
    const proxy = await startProxy(endpoint);
    const first = await manifestOf(source({ reader: "jsonl" }, proxy.endpoint), { folder });
    expect(proxy.requests.every(line => /^GET \/corpus\/?\?/.test(line))).toBe(true);
    await proxy.stop();
    expect(await manifestOf(options, { folder })).toEqual(first);
    expect(first.files.map(f => f.path)).toEqual(["a.jsonl", "b.jsonl.gz", "deep/c.jsonl", "empty.jsonl"]);
    await put("x/a.jsonl", lines(50, 7));
    expect((await manifestOf(options, { folder })).identity).not.toBe(first.identity);
    await put("x/a.jsonl", lines(50));
  });

  test("an object that changed or went since it was listed stops the run by name", async () => {
    await put("y/a.jsonl", lines(3));
    await put("y/b.jsonl", lines(3));
    const options = source({ reader: "jsonl" }, endpoint, "corpus/y");
    const { files } = await manifestOf(options, { folder });
    const open = await openSource(options, folder);
    const drain = async (i: number) => {
      for await (const _ of sourceRecords(open, options, files[i]!));
    };
    await put("y/a.jsonl", lines(3, 3));
    await expect(drain(0)).rejects.toMatchObject({ code: "data/sourceChanged", message: expect.stringContaining("y/a.jsonl") });
    await client.send(new DeleteObjectCommand({ Bucket: "corpus", Key: "y/b.jsonl" }));
    await expect(drain(1)).rejects.toMatchObject({ code: "data/sourceChanged" });
    await open.close();
  });

  test("an object without an ETag is told by its size and time", async () => {
    const path = join(server.folder, "corpus", "w", "a.jsonl");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, lines(3));
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    const options = source({ reader: "jsonl" }, endpoint, "corpus/w");
    const first = await manifestOf(options, { folder });
    expect(await manifestOf(options, { folder })).toEqual(first);
    writeFileSync(path, lines(3, 3));
    expect((await manifestOf(options, { folder })).identity).not.toBe(first.identity);
  });

  test("a connection that breaks in the middle of an object is taken up again, and the records are the same", async () => {
    await put("z/long.jsonl", lines(60_000));
    const whole = await read(source({ reader: "jsonl" }, endpoint, "corpus/z"));
    expect(whole).toHaveLength(60_000);
    const proxy = await startProxy(endpoint, 700_000);
    expect(await read(source({ reader: "jsonl" }, proxy.endpoint, "corpus/z"))).toEqual(whole);
    expect(proxy.broken).toBeGreaterThan(1);
    await proxy.stop();
  });

  test("no bucket, wrong credentials, none, and no server are told apart", async () => {
    await expect(read(source({ reader: "jsonl" }, endpoint, "nowhere/x"))).rejects.toThrow('source.s3: expected a bucket, got "nowhere"');
    await expect(read(source({ reader: "jsonl" }, endpoint, "corpus/empty"))).rejects.toMatchObject({ code: "data/sourceEmpty" });
    const { AWS_SECRET_ACCESS_KEY: secret, AWS_ACCESS_KEY_ID: id } = process.env;
    try {
      process.env.AWS_SECRET_ACCESS_KEY = "wrong";
      await expect(read(source({ reader: "jsonl" }))).rejects.toThrow(/data|credentials of the environment/);
      await expect(read(source({ reader: "jsonl" }))).rejects.toMatchObject({ code: "data/sourceUnreachable" });
      delete process.env.AWS_SECRET_ACCESS_KEY;
      delete process.env.AWS_ACCESS_KEY_ID;
      process.env.AWS_EC2_METADATA_DISABLED = "true";
      await expect(read(source({ reader: "jsonl" }))).rejects.toThrow(/got no credentials. .*AWS_ACCESS_KEY_ID/);
    } finally {
      process.env.AWS_SECRET_ACCESS_KEY = secret;
      process.env.AWS_ACCESS_KEY_ID = id;
      delete process.env.AWS_EC2_METADATA_DISABLED;
    }
    await expect(read(source({ reader: "jsonl" }, "http://127.0.0.1:9"))).rejects.toMatchObject({ code: "data/sourceUnreachable" });
    for (const s3 of ["corpus/x", "http://x/y", "s3://key:secret@corpus/x", "s3://corpus/x?endpont=y"])
      await expect(read(sourceOptions.parse({ s3, reader: "jsonl" })), s3).rejects.toMatchObject({ code: "data/sourceMissing" });
  });
});

/** A proxy that writes down what was asked, and breaks each connection that was sent more than `breakAfter` bytes. */
async function startProxy(endpoint: string, breakAfter = Number.POSITIVE_INFINITY) {
  const target = new URL(endpoint);
  const open = new Set<Socket>();
  const proxy = { endpoint: "", requests: [] as string[], broken: 0, stop: async () => {} };
  const server: Server = createServer(client => {
    const upstream = connect(Number(target.port), target.hostname);
    let sent = 0;
    for (const s of [client, upstream]) {
      open.add(s);
      s.on("error", () => {});
      s.on("close", () => {
        open.delete(s);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", d => {
      for (const line of d.toString("latin1").match(/^(?:GET|HEAD|PUT|POST) \S+/gm) ?? []) proxy.requests.push(line);
      upstream.write(d);
    });
    upstream.on("data", d => {
      sent += d.length;
      client.write(d);
      if (sent < breakAfter) return;
      proxy.broken++;
      client.destroy();
      upstream.destroy();
    });
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  proxy.endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  proxy.stop = () =>
    new Promise(done => {
      for (const s of open) s.destroy();
      server.close(() => done());
    });
  return proxy;
}
