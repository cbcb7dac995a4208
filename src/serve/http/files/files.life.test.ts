/** Files and batches through the official client, over a tiny model. */
import { createReadStream, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { toFile } from "openai";
import { afterAll, expect, test } from "vitest";
import { openDevice } from "../../../tensor/index.ts";
import { createEmbeddingEngine } from "../../embedding/embedding-engine.ts";
import { createEngine } from "../../engine.ts";
import { tinyModel } from "../../fakes.ts";
import { listen } from "../../listen.ts";
import { createApp } from "../app.ts";
import { tinyEncoder } from "../fakes.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-files-test-"));
const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device);
const encoderModel = await tinyEncoder(device);
const failures: unknown[] = [];

async function serve(filesFolder?: string) {
  const engine = createEngine({ model, device, slots: 4 });
  const encoder = createEmbeddingEngine({ model: encoderModel, device });
  const files = filesFolder === undefined ? {} : { filesFolder };
  const app = createApp({ engines: [engine], encoders: [encoder], onFailure: e => failures.push(e), ...files });
  await Promise.all([engine.ready, encoder.ready]);
  const server = await listen(app, { port: 0 });
  return { server, engine, client: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 }) };
}
const { server, engine, client } = await serve(folder);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
  expect(failures).toEqual([]);
});

const upload = async (lines: readonly (object | string)[], of = client) =>
  of.files.create({
    file: await toFile(Buffer.from(lines.map(l => (typeof l === "string" ? l : JSON.stringify(l))).join("\n")), "in.jsonl"),
    purpose: "batch",
  });
const ask = (custom_id: string, body: object, url = "/v1/completions") => ({ custom_id, method: "POST", url, body });
const begin = async (
  lines: readonly (object | string)[],
  endpoint: OpenAI.BatchCreateParams["endpoint"] = "/v1/completions",
  of = client,
) => of.batches.create({ input_file_id: (await upload(lines, of)).id, endpoint, completion_window: "24h", metadata: { who: "me" } });
async function over(id: string, of = client): Promise<OpenAI.Batch> {
  for (;;) {
    const batch = await of.batches.retrieve(id);
    if (["completed", "failed", "cancelled"].includes(batch.status)) return batch;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
interface Row {
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly body: { choices?: { text: string }[]; error?: { param: string } } };
}
const rowsOf = async (id: string | null | undefined, of = client): Promise<Row[]> =>
  (await (await of.files.content(id!)).text())
    .trim()
    .split("\n")
    .map(l => JSON.parse(l) as Row);

test("files: upload, list by pages, read back byte for byte, delete", async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 65, 0]);
  const made = [];
  for (const name of ["a.bin", "b.bin", "c.bin"])
    made.push(await client.files.create({ file: await toFile(bytes, name), purpose: "user_data" }));
  expect(made[0]).toMatchObject({ object: "file", bytes: 6, filename: "a.bin", purpose: "user_data", status: "processed" });
  expect(Buffer.from(await (await client.files.content(made[0]!.id)).arrayBuffer())).toEqual(bytes);
  const listed = [];
  for await (const f of client.files.list({ limit: 2, purpose: "user_data", order: "asc" })) listed.push(f.id);
  expect(listed.sort()).toEqual(made.map(f => f.id).sort());
  for (const f of made) expect(await client.files.delete(f.id)).toEqual({ id: f.id, object: "file", deleted: true });
  await expect(client.files.retrieve(made[0]!.id)).rejects.toMatchObject({ status: 404 });
  await expect(client.files.retrieve("file-../../etc/passwd")).rejects.toMatchObject({ status: 400 });
});

test("files: one that is read while it is sent arrives as it is, and what never ends is given up at the limit", async () => {
  const path = join(folder, "in Köln.jsonl");
  const bytes = Buffer.from(`${JSON.stringify({ text: "ä€🌳" })}\r\n`.repeat(50_000));
  writeFileSync(path, bytes);
  const sent = await client.files.create({ file: createReadStream(path), purpose: "fine-tune" });
  expect(sent).toMatchObject({ bytes: bytes.length, filename: "in Köln.jsonl" });
  expect(Buffer.from(await (await client.files.content(sent.id)).arrayBuffer()).equals(bytes)).toBe(true);
  await client.files.delete(sent.id);

  const before = (await client.files.list()).data.length;
  const endlessly = new ReadableStream({
    start: c => c.enqueue(Buffer.from('--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n')),
    pull: c => c.enqueue(bytes),
  });
  const status = await fetch(`${server.url}/v1/files`, {
    method: "POST",
    body: endlessly,
    duplex: "half",
    headers: { "content-type": "multipart/form-data; boundary=x" },
  } as RequestInit).then(
    r => r.status,
    // the server closes on who goes on sending
    () => 413,
  );
  expect(status).toBe(413);
  expect((await client.files.list()).data).toHaveLength(before);
});

test("files: what is no form, no file, of no purpose or of another origin is refused", async () => {
  const form = (more: Record<string, string | Blob>) => {
    const f = new FormData();
    for (const [k, v] of Object.entries(more)) f.set(k, v);
    return f;
  };
  const send = (body: FormData | string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/v1/files`, { method: "POST", body, headers }).then(r => r.status);
  const file = new Blob(["x"]);
  expect(await send("{}", { "content-type": "application/json" })).toBe(415);
  expect(await send("nonsense", { "content-type": "multipart/form-data; boundary=x" })).toBe(400);
  expect(await send(form({ purpose: "batch" }))).toBe(400);
  expect(await send(form({ file }))).toBe(400);
  expect(await send(form({ file, purpose: "theft" }))).toBe(400);
  expect(await send(form({ file, purpose: "batch" }), { origin: "https://evil.example" })).toBe(403);
  expect(await send(form({ file, purpose: "batch" }), { origin: server.url })).toBe(200);
});

test("a batch answers each line as a request of its own would be, with failures in a file of their own", async () => {
  const body = (i: number) => ({ model: "tiny", prompt: `p${i}`, max_tokens: 6, seed: i });
  const lines = [...Array.from({ length: 12 }, (_, i) => ask(`r${i}`, body(i))), ask("bad", { model: "tiny", temperature: 9 })];
  const batch = await begin(lines);
  expect(batch).toMatchObject({ object: "batch", status: "validating", metadata: { who: "me" }, output_file_id: null });
  const done = await over(batch.id);
  expect(done).toMatchObject({ status: "completed", request_counts: { total: 13, completed: 12, failed: 1 }, errors: null });
  const rows = await rowsOf(done.output_file_id);
  expect(rows.map(r => r.custom_id).sort()).toEqual(
    lines
      .slice(0, 12)
      .map(l => l.custom_id)
      .sort(),
  );
  for (const row of rows) {
    const own = await client.completions.create(body(Number(row.custom_id.slice(1))));
    expect(row.response.body.choices).toEqual(own.choices);
  }
  expect(await rowsOf(done.error_file_id)).toMatchObject([
    { custom_id: "bad", response: { status_code: 400, body: { error: { param: "temperature" } } } },
  ]);
  const vectors = await over((await begin([ask("e", { model: "tiny-encoder@1", input: "a" }, "/v1/embeddings")], "/v1/embeddings")).id);
  expect(vectors.request_counts).toEqual({ total: 1, completed: 1, failed: 0 });
  const ids = [];
  for await (const b of client.batches.list({ limit: 1 })) ids.push(b.id);
  expect(ids).toEqual([vectors.id, done.id]);
});

test("a file that is no batch fails it, line by line, and nothing of it is run", async () => {
  const before = engine.stats().requests;
  const batch = await over(
    (
      await begin([
        "no JSON",
        ask("a", { model: "tiny", prompt: "a" }),
        ask("a", { model: "tiny", prompt: "a" }),
        ask("b", {}, "/v1/embeddings"),
        ask("c", { stream: true }),
        { custom_id: "d" },
      ])
    ).id,
  );
  expect(batch.status).toBe("failed");
  expect(batch.errors!.data!.map(e => e.line)).toEqual([1, 3, 4, 5, 6]);
  expect(engine.stats().requests).toBe(before);
  const empty = await over((await begin([""])).id);
  expect(empty.errors!.data![0]!.code).toBe("empty_file");
  await expect(
    client.batches.create({ input_file_id: "file-1", endpoint: "/v1/completions", completion_window: "24h" }),
  ).rejects.toMatchObject({ status: 404 });
  await expect(client.batches.create({ input_file_id: "x", endpoint: "/v1/audio" as never, completion_window: "24h" })).rejects.toThrow(
    /endpoint/,
  );
});

test("a batch leaves room for clients, and stops where it is cancelled", async () => {
  const lines = Array.from({ length: 400 }, (_, i) =>
    ask(`l${i}`, { model: "tiny", prompt: "go", max_tokens: 40, ignore_eos: true, seed: i }),
  );
  const batch = await begin(lines);
  await expect.poll(async () => (await client.batches.retrieve(batch.id)).request_counts!.completed).toBeGreaterThan(0);
  // whoever comes meanwhile is answered although hundreds of lines wait
  await client.completions.create({ model: "tiny", prompt: "now", max_tokens: 5 });
  expect((await client.batches.retrieve(batch.id)).status).toBe("in_progress");
  expect((await client.batches.cancel(batch.id)).status).toBe("cancelling");
  const done = await over(batch.id);
  const { completed, total } = done.request_counts!;
  expect([done.status, total]).toEqual(["cancelled", 400]);
  expect(completed).toBeLessThan(400);
  expect((await rowsOf(done.output_file_id)).length).toBe(completed);
});

test("a batch that was interrupted goes on where it was: every line once, a torn one again", async () => {
  const own = mkdtempSync(join(tmpdir(), "loam-files-test-"));
  const first = await serve(own);
  const lines = Array.from({ length: 60 }, (_, i) =>
    ask(`l${i}`, { model: "tiny", prompt: "go", max_tokens: 20, ignore_eos: true, seed: i }),
  );
  const batch = await begin(lines, "/v1/completions", first.client);
  await expect.poll(async () => (await first.client.batches.retrieve(batch.id)).request_counts!.completed).toBeGreaterThan(3);
  await first.server.drain();
  const output = join(own, `${batch.id}.output.jsonl`);
  expect(existsSync(output)).toBe(true);
  writeFileSync(output, '{"custom_id": "l5', { flag: "a" });
  const second = await serve(own);
  const done = await over(batch.id, second.client);
  expect(done).toMatchObject({ status: "completed", request_counts: { total: 60, completed: 60, failed: 0 } });
  const ids = (await rowsOf(done.output_file_id, second.client)).map(r => r.custom_id);
  expect(ids.length).toBe(60);
  expect(new Set(ids).size).toBe(60);
  await second.server.close();
  rmSync(own, { recursive: true, force: true });
});
